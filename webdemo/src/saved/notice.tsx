// What a person has to know before they write on: that they may not, or that nothing of it reaches the relay.

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
  const { status, barred, unloadable, readOnly } = rights
  if (status.state === "offline" && status.reason?.code === "upgrade") {
    return (
      <aside className="notice notice-bad" role="alert">
        <p>
          The relay answers, but not over WebSocket, so nothing is saved there and nothing of others comes.
          Tell whoever runs it: the proxy before it must pass upgrades.
        </p>
      </aside>
    )
  }
  if (unloadable) {
    return (
      <aside className="notice notice-bad" role="alert">
        <p>
          This browser cannot open what the relay has stored of this {place.kind}: {status.reason?.message}.
          What you see is what this browser has; what you write is kept here and not sent.
        </p>
        <button type="button" onClick={recover}>
          Try again
        </button>
      </aside>
    )
  }
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
