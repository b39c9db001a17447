// Whose token this tab has, as the relay said when it took it. With that the copy of a document in the browser opens
// offline too, when nobody can be asked whose it is.

const key = "baton.subject"

/** The subject that the relay named for this token; undefined if it has not been asked yet. */
export function subjectOf(token: string): string | undefined {
  try {
    const [of, subject] = JSON.parse(sessionStorage.getItem(key) ?? "[]")
    return of === token && typeof subject === "string" ? subject : undefined
  } catch {
    return undefined
  }
}

export function keepSubject(token: string, subject: string): void {
  try {
    sessionStorage.setItem(key, JSON.stringify([token, subject]))
  } catch {
    // Then the copy waits for the relay.
  }
}
