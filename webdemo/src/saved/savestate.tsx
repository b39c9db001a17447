import type { Doc, Status } from "@baton-relay/client"
import { useSyncExternalStore } from "react"
import "./savestate.css"

/** What a person is told of their work. */
export interface Standing {
  /** Which of a few looks it has. */
  look: "good" | "busy" | "away" | "bad"
  text: string
  /** More of it, for whoever asks. */
  detail: string
}

/** Says how a document stands, and promises nothing that is not so: saved means on the relay's disk. */
export function standingOf({ state, reason, storage }: Status, pending: number): Standing {
  const kept = storage
    ? "Close this page and it is lost: this browser keeps nothing for it."
    : "It is kept in this browser until then, also if the page is closed."
  const waiting = pending === 1 ? "1 change" : `${pending} changes`
  switch (state) {
    case "live":
      return pending === 0
        ? { look: "good", text: "Saved", detail: "All your changes are on the relay's disk." }
        : { look: "busy", text: `Saving ${pending}`, detail: `${waiting} not on the relay's disk yet.` }
    case "read-only":
      return {
        look: "away",
        text: "Read only",
        detail: "You see everything as it happens, but the link you came by does not let you write.",
      }
    case "offline": {
      const why = reason ? `No connection: ${reason.message}.` : "No connection."
      return pending === 0
        ? {
            look: "away",
            text: "Offline",
            detail: `${why} You can go on: it is sent when the relay is back.`,
          }
        : {
            look: "away",
            text: `Offline, ${pending} to send`,
            detail: `${why} ${waiting} will be sent when the relay is back. ${kept}`,
          }
    }
    case "refused":
      return { look: "bad", text: "Not saved", detail: reason?.message ?? "The relay refused it." }
    case "diverged":
      return {
        look: "bad",
        text: "Not saved",
        detail: "The relay's copy was deleted or restored from a backup. What you see here is still whole.",
      }
    case "connecting":
      return pending === 0
        ? { look: "busy", text: "Connecting", detail: "On the way to the relay." }
        : { look: "busy", text: `Connecting, ${pending} to send`, detail: kept }
    case "syncing":
      return {
        look: "busy",
        text: "Loading",
        detail: `What others have written is coming.${reason ? ` It is tried again: ${reason.message}.` : ""}`,
      }
  }
}

/** How a document stands, as long as the component is there. */
export function useStanding(doc: Doc): Standing {
  const status = useSyncExternalStore(
    (changed) => doc.on("status", changed),
    () => doc.status,
  )
  const pending = useSyncExternalStore(
    (changed) => doc.saved.on("change", changed),
    () => doc.saved.pending,
  )
  return standingOf(status, pending)
}

interface SaveStateProps {
  doc: Doc
  /** Makes again what was refused, or what a document that was deleted lacks. */
  recover: () => void
}

/** The save state, always in sight. */
export function SaveState({ doc, recover }: SaveStateProps) {
  const { look, text, detail } = useStanding(doc)
  const stuck =
    doc.status.state === "diverged" || (doc.status.state === "refused" && doc.refusal !== undefined)
  return (
    <div className={`savestate savestate-${look}`} role="status" title={detail} data-testid="savestate">
      <i aria-hidden="true" />
      <span>{text}</span>
      {stuck && (
        <button type="button" onClick={recover}>
          Save it again
        </button>
      )}
    </div>
  )
}
