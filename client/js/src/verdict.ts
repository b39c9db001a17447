/** What a lost connection asks for. */
export interface Verdict {
  /** It is over. */
  final?: boolean
  /** Another token is needed. */
  newToken?: boolean
  /** How long to wait at least, ms. */
  after?: number
  /** What the protocol calls it, or the browser. */
  code: number
  message: string
}

/** Says what to do about a connection that ended with a close code. This is the protocol's table. */
export function judge(code: number, message: string, retryMs: number): Verdict {
  const verdict = { code, message: message || (meanings[code] ?? "the connection was lost") }
  switch (code) {
    case 1000:
    case 1001:
    case 1008:
    case 1009:
    case 4400:
    case 4403:
      return { ...verdict, final: true }
    case 4401:
      return { ...verdict, newToken: true }
    case 1012:
      return { ...verdict, after: retryMs }
    case 1013:
    case 4429:
      return { ...verdict, after: 1000 }
  }
  return { ...verdict, after: retryMs }
}

const meanings: Record<number, string> = {
  1000: "the relay ended the connection",
  1001: "the relay ended the connection",
  1008: "the relay does not want this connection",
  1009: "a frame was larger than the relay takes",
  1012: "the relay restarts",
  1013: "the relay has too much to do",
  4400: "the relay could not read a frame",
  4401: "the token is missing, bad or expired",
  4403: "the token is not good for this",
  4408: "the relay heard nothing of this client",
  4429: "too much was sent in too short a time",
}
