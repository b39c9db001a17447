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

/** The close codes of the protocol's table after which nobody comes back, and those after which one waits a second. */
const final = [1000, 1001, 1008, 1009, 4400, 4403]
const slow = [1013, 4429]

/** Says what to do about a connection that ended with a close code. `retryMs` is what the relay has asked for. */
export function judge(code: number, message: string, retryMs: number): Verdict {
  const lost = code === 1005 || code === 1006 // what the WebSocket API says where nobody said anything
  return {
    code,
    message: message || (lost ? "the connection was lost" : `the relay closed it with ${code}`),
    final: final.includes(code),
    newToken: code === 4401,
    after: slow.includes(code) ? 1000 : retryMs,
  }
}
