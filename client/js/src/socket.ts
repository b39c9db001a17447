import type { ServerFrame } from "./frames.ts"
import { judge, type Verdict } from "./verdict.ts"

/** What browsers and the package `ws` have in common. */
export interface WebSocketLike {
  readonly bufferedAmount: number
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: unknown) => void) | null
  send(data: string): void
  close(code?: number): void
  /** Only of `ws`. */
  terminate?(): void
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike

export interface SocketOptions {
  /** After how much silence to ask whether the relay is there, ms. */
  heartbeat: number
  /** How long its answer may take, ms. */
  patience: number
  receive: (frame: ServerFrame) => void
  /** Since when an op waits for its answer, ms; Infinity if none does. */
  unanswered: () => number
}

/** How long it may take until the relay has said welcome, ms. */
const openTimeout = 15_000

/** After how long without an ack the relay is asked, ms. */
const ackPatience = 5_000

/** One WebSocket, from its opening to its end, and whether the other side lives. */
export class Socket {
  /** Resolves, once, with what its end asks for. */
  readonly ended: Promise<Verdict>
  /** Since when the relay has said welcome, Unix ms; Infinity: it has not. */
  openSince = Infinity
  /** The node said that it is going. */
  draining = false
  #retryMs = 0
  #ws: WebSocketLike
  #options: SocketOptions
  #over = false
  #resolve: (verdict: Verdict) => void = () => {}
  #timer: ReturnType<typeof setInterval>

  // Signs of life, ms.
  #heard = Date.now()
  /** When the question was asked that has no answer; 0: there is none. */
  #asked = 0
  #lastAsked = 0
  /** What was in the way of the question, bytes: less of it is a sign of life too. */
  #ahead = 0

  constructor(
    url: URL,
    token: string | undefined,
    WebSocketClass: WebSocketClass | undefined,
    options: SocketOptions,
  ) {
    this.#options = options
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
    const address = new URL(url)
    const protocols = ["baton.v1"]
    // A subprotocol is a token of RFC 9110; one with other characters goes into the query.
    if (token && /^[\w!#$%&'*+.^`|~-]+$/.test(token)) protocols.push(`bearer.${token}`)
    else if (token) address.searchParams.set("access_token", token)
    const Class = WebSocketClass ?? (globalThis.WebSocket as unknown as WebSocketClass)
    if (!Class) throw new TypeError("there is no WebSocket here: pass the one of the package ws to connect")
    this.#ws = new Class(address.href, protocols)
    this.#ws.onerror = () => {} // what follows is the end
    this.#ws.onclose = (e) => this.#end(judge(e.code, e.reason, this.#retryMs))
    this.#ws.onmessage = (e) => this.#message(e.data)
    this.#timer = setInterval(() => this.#look(), Math.min(1000, options.heartbeat / 4))
  }

  /** Whether the relay has said welcome and the end has not come. */
  get open(): boolean {
    return this.openSince < Infinity && !this.#over
  }

  get buffered(): number {
    return this.#ws.bufferedAmount
  }

  send(text: string): void {
    if (this.open) this.#ws.send(text)
  }

  /** Asks whether the relay is there. */
  ask(): void {
    if (!this.open || this.#asked > 0) return
    this.#asked = this.#lastAsked = Date.now()
    this.#ahead = this.buffered
    this.send('{"type":"ping"}')
  }

  /** Ends it from this side, without waiting for the other. */
  abandon(verdict: Verdict): void {
    this.#ws.onmessage = this.#ws.onclose = null
    if (this.#ws.terminate && verdict.code !== 1000) this.#ws.terminate()
    else this.#ws.close(1000)
    this.#end(verdict)
  }

  #end(verdict: Verdict): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#timer)
    this.#resolve(verdict)
  }

  #message(data: unknown): void {
    this.#heard = Date.now()
    this.#asked = 0
    let frame: ServerFrame
    try {
      frame = JSON.parse(String(data))
      if (typeof frame !== "object" || frame === null) throw frame
    } catch {
      return this.abandon({ code: 0, message: "the relay sent what is no frame" })
    }
    if (frame.type === "welcome") this.openSince = Date.now()
    if (frame.type === "draining") {
      this.draining = true
      this.#retryMs = frame.retry_ms
    }
    this.#options.receive(frame)
  }

  /** Looks for signs of life: what was heard, and what the other side has taken. */
  #look(): void {
    const now = Date.now()
    const { heartbeat, patience, unanswered } = this.#options
    if (!this.open) {
      if (now - this.#heard > openTimeout) this.abandon({ code: 1006, message: "the relay does not answer" })
      return
    }
    if (this.buffered < this.#ahead) {
      this.#ahead = this.buffered
      this.#asked = now
    }
    const hidden = globalThis.document?.visibilityState === "hidden"
    const silent = now - this.#heard > heartbeat * (hidden ? 3 : 1)
    const unacked = now - Math.max(unanswered(), this.#lastAsked) > ackPatience
    if (this.#asked > 0 && now - this.#asked > patience) {
      this.abandon({ code: 4408, message: "the relay is silent: the network may be gone" })
    } else if (silent || unacked) this.ask()
  }
}
