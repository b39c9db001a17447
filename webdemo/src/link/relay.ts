// The connection to the relay that serves the page, by the token of the tab. Whose token that is, the relay says when it
// takes it; kept, it lets the browser's copy of a document open offline too, when nobody can be asked whose it is.

import { type Connection, connect } from "@baton-relay/client"
import { token } from "./link.ts"

const key = "baton.subject"

export function connectHere(): Connection {
  const own = token()
  if (!own) return connect("/")
  const subject = subjectOf(own)
  const connection = connect("/", { token: own, ...(subject && { subject }) })
  connection.on("status", () => connection.user?.id && keepSubject(own, connection.user.id))
  return connection
}

/** The subject that the relay named for this token; undefined if it has not been asked yet. */
function subjectOf(token: string): string | undefined {
  try {
    const [of, subject] = JSON.parse(sessionStorage.getItem(key) ?? "[]")
    return of === token && typeof subject === "string" ? subject : undefined
  } catch {
    return undefined
  }
}

function keepSubject(token: string, subject: string): void {
  try {
    sessionStorage.setItem(key, JSON.stringify([token, subject]))
  } catch {
    // Then the copy waits for the relay.
  }
}
