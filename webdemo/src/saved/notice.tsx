// What a person has to know before they write on: that they may not, or that it was deleted.

import type { Place } from "../link/link.ts"
import type { Rights } from "./rights.ts"
import "./notice.css"

interface NoticeProps {
  place: Place
  rights: Rights
  /** Writes again what is here and not at the relay. */
  recover: () => void
  /** Shows what to ask for. */
  askAccess: () => void
}

export function Notice({ place, rights, recover, askAccess }: NoticeProps) {
  const { status, barred, readOnly } = rights
  if (status.state === "refused" && status.reason?.code === "deleted") {
    return (
      <aside className="notice notice-bad" role="alert">
        <p>
          Somebody deleted this {place.kind} at the relay. What you see is still whole, but it is nowhere
          else.
        </p>
        <button type="button" onClick={recover}>
          Save it again
        </button>
      </aside>
    )
  }
  if (barred) {
    return (
      <aside className="notice notice-bad" role="alert">
        <p>The relay lets you in no more. What you see is what this browser has kept.</p>
        <button type="button" onClick={askAccess}>
          Get access
        </button>
      </aside>
    )
  }
  if (readOnly) {
    return (
      <aside className="notice" aria-label="Your rights">
        <p>
          <strong>Read only.</strong> You see everything as it happens. To write, ask whoever sent you here
          for another link.
        </p>
      </aside>
    )
  }
  return null
}
