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
  const lost = code === 1005 || code === 1006 // what the WebSocket API says where nobody said anything
  const verdict = {
    code,
    message: message || (lost ? "the connection was lost" : `the relay closed it with ${code}`),
  }
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
    case 1013:
    case 4429:
      return { ...verdict, after: 1000 }
  }
  return { ...verdict, after: retryMs } // 1012, and all that says nothing of when
}
