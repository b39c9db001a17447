/** React over Baton: a document, and what a person should see of it, as a hook. */
import { useEffect, useState } from "react"
import { type ConnectOptions, connect } from "./connection.ts"
import type { Doc, JoinOptions, Status } from "./doc.ts"
import type { Participant } from "./frames.ts"

export interface Baton {
  doc: Doc
  status: Status
  /** How many own ops are not durable. */
  pending: number
  /** Who else is there, by session. */
  others: ReadonlyMap<string, Participant>
}

/**
 * Enters a document while the component is there, and renders it again when its status, its unsaved work or its
 * participants change. It is undefined in the first render. Components share a connection, and their stay in a document:
 * each hears of the ops that come while it is there. Options are read when the address or the name changes.
 */
export function useBaton(
  url: string,
  name: string,
  options: ConnectOptions & JoinOptions = {},
): Baton | undefined {
  const [baton, setBaton] = useState<Baton>()
  useEffect(() => {
    const connection = connect(url, options)
    const doc = connection.join(name, options)
    const show = () =>
      setBaton({ doc, status: doc.status, pending: doc.saved.pending, others: doc.presence.others })
    const off = [doc.on("status", show), doc.saved.on("change", show), doc.presence.on("change", show)]
    show()
    return () => {
      for (const end of off) end()
      doc.leave()
      connection.close()
    }
  }, [url, name])
  return baton
}
