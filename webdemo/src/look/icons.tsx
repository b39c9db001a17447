// The pictures on the page's buttons. They say nothing by themselves: each button has a label.

import type { ReactNode } from "react"

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

export const HistoryIcon = () => (
  <Icon>
    <path d="M3.5 12a8.5 8.5 0 1 0 2.7-6.2L3.5 8.3M3.5 3.8v4.5H8M12 7.5V12l3 2" />
  </Icon>
)

export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11m-4.5-4L12 15.5l4.5-4.5M5 20h14" />
  </Icon>
)

export const LightIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v1.5m0 15V21m9-9h-1.5m-15 0H3m15.4-6.4-1.1 1.1M6.7 17.3l-1.1 1.1m12.8 0-1.1-1.1M6.7 6.7 5.6 5.6" />
  </Icon>
)

export const DarkIcon = () => (
  <Icon>
    <path d="M20 14.2A8.3 8.3 0 0 1 9.8 4a8.3 8.3 0 1 0 10.2 10.2Z" />
  </Icon>
)

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

export const ReactIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M8.5 14c1.8 2.4 5.2 2.4 7 0M9 9.5v.5M15 9.5v.5" />
  </Icon>
)

export const ShareIcon = () => (
  <Icon>
    <path d="M12 14.5V4M8 7.5 12 3.5l4 4M5.5 11.5v8h13v-8" />
  </Icon>
)

export const ImportIcon = () => (
  <Icon>
    <path d="M12 4v11m-4.5-4L12 15.5l4.5-4.5M4 15v5h16v-5" />
  </Icon>
)

export const ExportIcon = () => (
  <Icon>
    <path d="M12 15.5v-11m-4.5 4L12 4l4.5 4.5M4 15v5h16v-5" />
  </Icon>
)

export const NewIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
)

export const SplitIcon = () => (
  <Icon>
    <path d="M4 5h16v14H4zM12 5v14" />
  </Icon>
)
