import { Database } from "./database.ts"
import { Doc, type JoinOptions } from "./doc.ts"
import { Standing } from "./emitter.ts"
import { BatonError } from "./errors.ts"
import type { Limits, ServerFrame, User, WelcomeFrame } from "./frames.ts"
import { Socket, type WebSocketClass } from "./socket.ts"
import type { Verdict } from "./verdict.ts"

/** A bearer token, or where to get one: asked again before it ends, and where the relay refuses it. */
export type Token = string | (() => string | Promise<string>)

export interface ConnectOptions {
  token?: Token
  /**
   * Whom the token is of, where several people use this browser and may work offline. Left out: whom the relay names,
   * and before that the last one it named.
   */
  subject?: string
  /** Not the one that this page has to the same relay with the same token, but another. */
  shared?: boolean
  /** Whether to keep work in the browser's storage (true). */
  storage?: boolean
  /** Where there is none built in, as in node: that of the package `ws`. */
  WebSocket?: unknown
  /** The bounds of the random wait before the next attempt, which doubles with each failure, ms (250, 30 000). */
  minBackoff?: number
  maxBackoff?: number
  /** After how much silence to ask the relay whether it is there, ms (10 000). It has half of that for its answer. */
  heartbeat?: number
}

/** How a connection stands. */
export interface ConnectionStatus {
  state: "connecting" | "open" | "offline" | "paused" | "refused" | "closed"
  reason?: BatonError | undefined
}

const legalDoc = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/

/** How long a connection has to last to count as a success, ms. */
const lasting = 1000

/** The longest delay that a timer takes, ms: with a longer one it goes off at once. */
const longestTimer = 2 ** 31 - 1

/** What happens to a page that makes another attempt, or a question, worth it. */
const stirs = ["online", "offline", "visibilitychange"]

let pageDatabase: Database | undefined
const connections = new Set<Connection>()

/** The page's one database; none where the platform has none. */
function databaseOfPage(): Database | undefined {
  if (typeof indexedDB === "undefined") return undefined
  pageDatabase ??= new Database(() => {
    for (const c of connections) c.changed()
  })
  return pageDatabase
}

/**
 * Connects to a relay: `ws://`, `wss://`, `http://`, `https://`, or a path of the page's own host. It returns at once,
 * and connects again after each cut until it is closed. One page has one connection to a relay with one token: each
 * call needs its {@link Connection.close}.
 */
export function connect(url: string, options: ConnectOptions = {}): Connection {
  const address = new URL(url, globalThis.location?.href)
  address.protocol = address.protocol.replace("http", "ws")
  if (!/^wss?:$/.test(address.protocol)) throw new TypeError(`${url} is not ws, wss, http or https`)
  if (address.pathname === "/") address.pathname = "/v1/ws"
  for (const c of options.shared === false ? [] : connections) {
    if (c.serves(address.href, options)) return c.share()
  }
  return new Connection(address, options)
}

/** A connection to a relay that comes back after cuts, and the documents on it. */
export class Connection extends Standing<ConnectionStatus> {
  /** @internal */
  readonly database: Database | undefined
  #url: URL
  #options: ConnectOptions
  #users = 1
  #docs = new Map<string, Doc>()

  // How it stands.
  #socket: Socket | undefined
  #welcome: WelcomeFrame | undefined
  #token: string | undefined
  /** Those who want it off the network. */
  #pausing = new Set<unknown>()
  #closed = false
  /** It does not connect again. */
  #refused = false
  /** Why it is not connected; undefined before the first attempt is over. */
  #trouble: BatonError | undefined
  /** @internal The secret of the session before this one, which the relay may believe alive. */
  replaces: string | undefined
  /** Whose work is kept in the browser's storage; undefined until it is known. */
  #scope: string | undefined
  #sure = false

  // What goes on.
  #joins = 0
  #deaths = 0
  /** How often in a row the relay would have taken a handshake that failed. */
  #taken = 0
  #control: string[] = []
  #pumping = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #wake: () => void = () => {}

  /** @internal Use {@link connect}. */
  constructor(url: URL, options: ConnectOptions) {
    super({ state: "connecting" })
    this.#url = url
    this.#options = options
    this.database = options.storage === false ? undefined : databaseOfPage()
    connections.add(this)
    for (const event of stirs) globalThis.addEventListener?.(event, this.#stirred)
    if (options.subject !== undefined || !options.token) this.#setScope(options.subject ?? "", true)
    else void this.#guessScope()
    void this.#run()
  }

  /** Who the relay says this is. */
  get user(): User | undefined {
    return this.#welcome?.user
  }

  /** This connection's public name in presence and events; it changes with each reconnect. */
  get session(): string {
    return this.#welcome?.session ?? ""
  }

  /**
   * Enters a document. It returns at once, online or not. Who enters a document that this page is in already shares that
   * stay, with the options it began with: a listener hears of its ops from then on. Each call needs its {@link Doc.leave}.
   */
  join(name: string, options: JoinOptions = {}): Doc {
    return this.#docs.get(name)?.share() ?? this.enter(name, options)
  }

  /** @internal What this page is in; undefined for a document that it is not in. */
  find(name: string): Doc | undefined {
    return this.#docs.get(name)
  }

  /** @internal Enters a document for one that needs all of it from its beginning. */
  enter(name: string, options: JoinOptions): Doc {
    if (!legalDoc.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a document`)
    if (this.#closed) throw new BatonError("closed", "the connection was closed")
    if (this.#docs.has(name))
      throw new BatonError(
        "already_joined",
        `this page is in ${name} already, where some of its ops were read`,
      )
    const doc = new Doc(this, name, options)
    this.add(doc)
    if (this.#scope !== undefined) doc.keep(this.#scope, this.#sure)
    return doc
  }

  /**
   * Takes it off the network, as a cut would, until {@link resume}. Where several share the connection, each passes
   * itself as `by`, and it is off the network for as long as one of them wants it to be.
   */
  pause(by: unknown = this): void {
    this.#pausing.add(by)
    this.#socket?.abandon({ code: 0, message: "the connection is paused" })
    this.changed()
  }

  /** Puts it back on the network, unless others pause it, also after the relay has refused it. */
  resume(by: unknown = this): void {
    if (this.#closed) return
    this.#pausing.delete(by)
    this.#again()
  }

  /** Goes on after the relay has refused it. */
  #again(): void {
    if (this.#refused) {
      this.#refused = false
      this.#token = undefined
      void this.#run()
    }
    this.#wake()
    this.changed()
  }

  /** Ends it, once all who share it have closed it. What is not durable is kept for the next page, where there is storage. */
  close(): void {
    if (this.#closed || --this.#users > 0) return
    this.#closed = true
    for (const doc of [...this.#docs.values()]) doc.quit()
    connections.delete(this)
    for (const event of stirs) globalThis.removeEventListener?.(event, this.#stirred)
    this.#pump()
    this.#socket?.abandon({ code: 1000, message: "the connection was closed" })
    clearTimeout(this.#timer)
    this.#wake()
    this.changed()
  }

  // What documents call.

  /** @internal */
  get limits(): Limits | undefined {
    return this.#welcome?.limits
  }
  /** @internal */
  nextJoin(): number {
    return ++this.#joins
  }
  /** @internal */
  add(doc: Doc): void {
    this.#docs.set(doc.name, doc)
    if (this.#refused) this.#again()
    this.poke()
  }
  /** @internal */
  remove(doc: Doc): void {
    if (this.#docs.get(doc.name) === doc) this.#docs.delete(doc.name)
  }
  /** @internal Sends a frame that a cut may lose. */
  send(frame: string): void {
    if (!this.#socket?.open) return
    this.#control.push(frame)
    this.poke()
  }
  /** @internal A document is live: what is slow is not dead. */
  alive(): void {
    this.#deaths = 0
  }

  /** Asks the relay for a path of its own, such as `/v1/docs/notes/ops`, with this connection's token. */
  http(path: string, init: RequestInit = {}): Promise<Response> {
    // The slash ends the host, whatever the path is: the token goes to no other.
    const url = this.#url.href.replace("ws", "http").replace(/(\/v1\/ws)?([?#].*)?$/, "/") + path.slice(1)
    const headers = new Headers(init.headers)
    // Not Authorization: a proxy may want that for a password of its own, which the browser adds. A browser would carry
    // this header along to wherever an answer leads, so none is followed.
    if (this.#token) headers.set("Baton-Token", this.#token)
    return fetch(url, { ...init, headers, redirect: "error" })
  }

  /** @internal Sends what there is to send, soon. */
  poke(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    const { limits } = this
    if (!socket?.open || !limits) return
    for (const frame of this.#control.splice(0)) socket.send(frame)
    const now = Date.now()
    let open = limits.unacked_ops || 1024
    for (const doc of this.#docs.values()) open -= doc.open
    let again = Infinity
    for (const doc of this.#docs.values()) {
      const before = doc.open
      again = Math.min(again, doc.pump(socket, limits, now, open))
      open -= doc.open - before
    }
    if (again === Infinity) return
    this.#timer = setTimeout(() => this.#pump(), Math.min(Math.max(again - now, 1), longestTimer))
  }

  get #paused(): boolean {
    return this.#pausing.size > 0
  }

  // One socket after the other.

  async #run(): Promise<void> {
    let failures = 0
    let badTokens = 0
    while (!this.#closed) {
      if (this.#paused) {
        await this.#sleep(Infinity)
        continue
      }
      const end = await this.#serve()
      if (this.#closed) return
      if (Date.now() - (this.#socket?.openSince ?? Infinity) > lasting) failures = badTokens = 0
      this.#control = []
      this.#refused = end.final ?? false
      if (end.newToken) {
        this.#token = undefined
        this.#refused = typeof this.#options.token !== "function" || badTokens++ > 2
      }
      const code = end.newToken ? "unauthorized" : end.code === 426 ? "upgrade" : "closed"
      this.#trouble = new BatonError(code, end.message)
      this.changed()
      for (const doc of this.#docs.values()) doc.cut(failures > 0 || this.#refused)
      if (this.#refused) return
      const wait = (end.after ?? 0) + this.#backoff(failures++)
      if (!this.#paused) await this.#sleep(Math.min(wait, longestTimer))
    }
  }

  /** Full jitter: the clients of a relay that went down must not come back in step. */
  #backoff(failures: number): number {
    const { minBackoff = 250, maxBackoff = 30_000 } = this.#options
    return Math.random() * Math.min(maxBackoff, minBackoff * 2 ** failures)
  }

  /** Opens a socket and returns what its end asks for. */
  async #serve(): Promise<Verdict> {
    this.#socket = undefined
    try {
      const { token } = this.#options
      this.#token ??= typeof token === "function" ? await token() : token
    } catch (error) {
      return { code: 0, message: `there is no token: ${error}` }
    }
    if (this.#closed || this.#paused) return { code: 0, message: "the connection is paused" }
    const { heartbeat = 10_000 } = this.#options
    const socket = new Socket(this.#url, this.#token, this.#options.WebSocket as WebSocketClass | undefined, {
      heartbeat,
      // A network that is only slow needs more time each try.
      patience: (heartbeat / 2) * 2 ** Math.min(this.#deaths, 4),
      receive: (f) => this.#receive(f),
      unanswered: () => Math.min(...[...this.#docs.values()].map((doc) => doc.unanswered)),
    })
    this.#socket = socket
    const end = await socket.ended
    if (end.code === 4408) this.#deaths++
    if (socket.openSince < Infinity) this.#taken = 0
    return socket.openSince < Infinity || this.#paused || this.#closed ? end : await this.#ask(end)
  }

  /** Finds out what a browser does not tell: why there was no connection. */
  async #ask(end: Verdict): Promise<Verdict> {
    try {
      const answer = await this.http("/v1/ws", { signal: AbortSignal.timeout(5000) })
      const wait = Number(answer.headers.get("Retry-After")) * 1000
      if (answer.status === 401) {
        const message = this.#token ? "the relay does not take this token" : "the relay asks for a token"
        return { code: 401, message, newToken: true }
      }
      if (answer.status === 403)
        return { code: 403, message: "the relay does not allow pages of this origin", final: true }
      // It would take a handshake. The first time in a row it may only just have come back.
      this.#taken = answer.status === 426 && end.code === 1006 ? this.#taken + 1 : 0
      if (this.#taken > 1)
        return {
          code: 426,
          message: "the relay answers, but not over WebSocket: the proxy must pass upgrades",
        }
      return wait > 0 ? { ...end, after: wait } : end
    } catch {
      return end
    }
  }

  /** Waits, until something makes it likely that another attempt is worth it. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms < Infinity ? setTimeout(resolve, ms) : undefined
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** The network or the page has come or gone: is the relay there? */
  #stirred = (): void => {
    if (globalThis.document?.visibilityState === "hidden") return
    this.#socket?.ask()
    if (globalThis.navigator?.onLine !== false) this.#wake()
  }

  #receive(f: ServerFrame): void {
    if (f.type === "welcome") {
      this.replaces = this.#welcome?.replace
      this.#welcome = f
      this.#setScope(this.#options.subject ?? f.user?.id ?? "", true)
      this.changed()
      this.poke()
    } else if (f.type === "auth") {
      if (f.id === undefined) void this.#renew() // it is about to end
    } else if ("doc" in f && f.doc !== undefined) {
      this.#docs.get(f.doc)?.receive(f)
    } else if (f.type === "error") {
      for (const doc of this.#docs.values()) doc.receive(f) // its id says whose it is
    }
  }

  /** Brings another token to the live connection. */
  async #renew(): Promise<void> {
    const { token } = this.#options
    if (typeof token !== "function") return
    try {
      this.#token = await token()
      this.send(JSON.stringify({ type: "auth", id: "auth", token: this.#token }))
    } catch {
      // The relay ends the connection when the time has come, and the next one asks again.
    }
  }

  // Whose work is kept.

  async #guessScope(): Promise<void> {
    const known = await this.database?.read((tx) => tx("subjects").get(this.#url.href)).catch(() => undefined)
    if (!this.#sure && typeof known === "string") this.#setScope(known, false)
  }

  #setScope(subject: string, sure: boolean): void {
    const scope = `${this.#url.href} ${subject}`
    this.#scope = scope
    this.#sure ||= sure
    if (sure && this.#options.token) this.database?.write((tx) => tx("subjects").put(subject, this.#url.href))
    for (const doc of this.#docs.values()) doc.keep(scope, sure)
  }

  /** @internal */
  serves(url: string, options: ConnectOptions): boolean {
    if (this.#options.shared === false || url !== this.#url.href) return false
    return (["token", "subject", "WebSocket", "storage"] as const).every(
      (o) => this.#options[o] === options[o],
    )
  }

  /** @internal */
  share(): Connection {
    this.#users++
    return this
  }

  /** @internal Works out the status anew, and that of all documents. */
  changed(): void {
    const state = this.#state()
    this.show({ state, reason: state === "open" ? undefined : this.#trouble })
    for (const doc of this.#docs.values()) doc.changed()
  }

  #state(): ConnectionStatus["state"] {
    if (this.#closed) return "closed"
    if (this.#refused) return "refused"
    if (this.#paused) return "paused"
    if (this.#socket?.open) return "open"
    return this.#trouble ? "offline" : "connecting"
  }
}
