// The icons of comments.

import type { ReactNode } from "react"

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

const bubble = "M4 5.5h16v11h-8.5L7 20.5v-4H4z"

export const AddIcon = () => (
  <Icon>
    <path d={bubble} />
    <path d="M12 8v6M9 11h6" />
  </Icon>
)

export const ListIcon = () => (
  <Icon>
    <path d={bubble} />
    <path d="M8 9.5h8M8 12.5h5" />
  </Icon>
)

export const CloseIcon = () => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
)

export const ResolveIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M8 12.5l2.7 2.7L16 9.5" />
  </Icon>
)

export const ReopenIcon = () => (
  <Icon>
    <path d="M5 12a7.5 7.5 0 1 0 2.5-5.6M5 4.5v4h4" />
  </Icon>
)

export const SendIcon = () => (
  <Icon>
    <path d="M12 19V6M6 11.5L12 5.5l6 6" />
  </Icon>
)
