import type { Doc, Status } from "@baton-relay/client"
import { useSyncExternalStore } from "react"

/** What one may do with a document. */
export interface Rights {
  status: Status
  /** The relay lets nobody in with this token, or without one. */
  barred: boolean
  /** What the relay has stored of it does not load here, and nothing else has all of it. */
  unloadable: boolean
  readOnly: boolean
}

/** The rights in a document, kept current; undefined while there is none. */
export function useRights(doc: Doc): Rights
export function useRights(doc: Doc | undefined): Rights | undefined
export function useRights(doc: Doc | undefined): Rights | undefined {
  const status = useSyncExternalStore(
    (changed) => doc?.on("status", changed) ?? (() => {}),
    () => doc?.status,
  )
  if (!doc || !status) return undefined
  const unloadable = status.state === "refused" && status.reason?.code === "snapshot"
  const barred =
    status.state === "refused" && !unloadable && !doc.refusal && status.reason?.code !== "deleted"
  // Rights that are not known yet may be there: what is made offline waits for them.
  const readOnly = barred || (status.access !== undefined && !status.access.includes("write"))
  return { status, barred, unloadable, readOnly }
}
