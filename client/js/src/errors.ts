/**
 * What went wrong, by a code to decide by: those of the protocol (`too_large`, `forbidden`, `conflict`, …), and
 * `unauthorized` (no token, or none that the relay takes), `replaced`, `closed` (here, or by the relay's close code),
 * `upgrade` (the relay answers, but not over WebSocket: a proxy passes no upgrades), `lost` (ops are missing that the
 * relay must have sent), `damaged` (bytes that are not what was stored), `snapshot` (a stored state cannot be loaded),
 * `storage` (the browser keeps nothing), `discarded` (the work was taken back before it was saved).
 */
export class BatonError extends Error {
  override name = "BatonError"
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
