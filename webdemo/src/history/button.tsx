import type { Ref } from "react"
import { HistoryIcon } from "../look/icons.tsx"

interface HistoryButtonProps {
  ref: Ref<HTMLButtonElement>
  /** Whether the past is looked at. */
  open: boolean
  toggle: () => void
}

/** In the header of a document: into its past, and back. */
export function HistoryButton({ ref, open, toggle }: HistoryButtonProps) {
  return (
    <button
      ref={ref}
      type="button"
      className="header-tool"
      title="History"
      aria-label="History"
      aria-pressed={open}
      onClick={toggle}
    >
      <HistoryIcon />
    </button>
  )
}
