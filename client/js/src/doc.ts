import type { Dot } from "./clock.ts"
import type { Connection } from "./connection.ts"
import type { LocalCopy } from "./copy.ts"
import { Standing } from "./emitter.ts"
import { BatonError } from "./errors.ts"
import type { ErrorFrame, JoinFrame, Limits, ServerFrame } from "./frames.ts"
import { type Divergence, Inflow, type Place } from "./inflow.ts"
import type { Op, OpStream } from "./opstream.ts"
import { utf8 } from "./outbox.ts"
import { OutboxStore } from "./outboxstore.ts"
import { fits, frameRoom, type OpName, type OwnOps, patience, type Refusal } from "./own.ts"
import { Presence } from "./presence.ts"
import type { Saved } from "./saved.ts"
import type { SnapshotLoader } from "./snapshot.ts"
import type { Socket } from "./socket.ts"

export interface JoinOptions {
  /** What the payloads are, such as `json`, `automerge` or `yjs`. Left out: whatever the document is. */
  format?: string
  /** How far the application has the document already. Left out: not at all. */
  since?: Place
  /** What to hear. Left out: both. */
  channels?: ("ops" | "presence")[]
  /** Takes stored states in place of ops: {@link snapshots}. Left out: the document always comes as ops. */
  snapshots?: SnapshotLoader
  /** Keeps the document in the browser: {@link localCopy}. It has no use beside `since`. */
  copy?: LocalCopy
}

/** How a document stands. */
export interface Status {
  state: "connecting" | "syncing" | "live" | "read-only" | "offline" | "refused" | "diverged"
  /** Why, where somebody should know: the relay's word, a lost connection. */
  reason?: BatonError | undefined
  /** This session's rights, once the relay has said them. */
  access?: string[] | undefined
  /** Why unsaved work would not survive this page: there is no storage, or it is full. Undefined while it would. */
  storage?: BatonError | undefined
}

export interface DocEvents {
  /** What somebody there has published; without `session` it came over HTTP. */
  event: { session?: string; name: string; data?: unknown }
  /** The document was deleted, restored from a backup, or imported. */
  diverged: Divergence
  /** Something went wrong that was dealt with, and that somebody should look into. */
  problem: BatonError
  /** The relay asks for a stored state of this document, and it can be made now: {@link storeSnapshot}. */
  compact: undefined
}

/** How often it is looked, at least, for ops that other tabs left when they died, ms. */
const lookAgain = 10_000

/** How long the browser's storage may keep a document from being entered: so many ticks of so many ms. */
const openTicks = 40
const openTick = 50

/** How much may wait in the socket before no more ops are put there, bytes: presence and acks must not wait behind. */
const socketRoom = 256 << 10

/** How often a full socket is looked at, ms. */
const drainPoll = 20

/** How many bytes of ops a frame has at most, unless it is a single one: other documents get their turn. */
const frameSize = 64 << 10

/** One document on a connection. It comes back with the connection after each cut, until {@link Doc.leave}. */
export class Doc extends Standing<Status, DocEvents> {
  readonly connection: Connection
  readonly name: string
  readonly presence: Presence
  #options: JoinOptions
  #inflow: Inflow
  #own: OwnOps

  // The stay.
  #stage: "out" | "joining" | "in" | "over" = "out"
  #join = 0
  #notBefore = 0
  #access: string[] | undefined
  #ended: BatonError | undefined
  #left = false
  #users = 1
  /** @internal The binding that deals with its ops. */
  binding: unknown
  /** The relay has asked for a stored state, and it could not be made yet. */
  #asked = false

  // What the browser keeps.
  #scope: string | undefined
  #store: OutboxStore | undefined
  #opening: boolean
  #searched = false
  #looking: ReturnType<typeof setTimeout> | undefined
  #lookAfter = patience // a tab that was just closed still looks alive for a moment

  /** @internal */
  constructor(connection: Connection, name: string, options: JoinOptions) {
    super({ state: "connecting" })
    this.connection = connection
    this.name = name
    this.#options = options
    const { since, snapshots, copy, format = "", channels } = options
    this.#opening = connection.database !== undefined
    this.#inflow = new Inflow(this, {
      since,
      snapshots,
      format,
      copy: this.#opening && !since ? copy : undefined,
      hearsOps: channels?.includes("ops") ?? true,
    })
    this.#own = this.#inflow.own
    this.ops.onTaken = () => this.#answer()
    this.presence = new Presence(
      () => connection.poke(),
      (text) => this.#fits("the presence state", text),
    )
  }

  /** Ops of others, and own ones of earlier pages. */
  get ops(): OpStream {
    return this.#inflow.ops
  }

  /** How much of the own work is durable. */
  get saved(): Saved {
    return this.#own.saved
  }

  /** How far the application has come with the ops that it was given. Own ops that are not durable are left out. */
  get place(): Place {
    return this.#inflow.place
  }

  /** The actor of the next own op. No other tab writes as it. */
  get actor(): string {
    return this.#own.writer().actor
  }

  /** Whether the application was given an op, or has made it. */
  has({ actor, seq }: Dot): boolean {
    return this.#inflow.seen.get(actor) >= seq
  }

  /** The op that will never be taken, while the status is `refused` for that. */
  get refusal(): Refusal | undefined {
    return this.#own.refusal
  }

  /**
   * Makes an op of a JSON value and returns its name. It is kept, through reloads where the browser has storage, and
   * sent until the relay has it for good. `as` is for formats that name their own changes. It throws a
   * {@link BatonError}, and nothing is kept, if the op is larger than the relay takes (`too_large`) or this session may
   * not write (`forbidden`).
   */
  append(payload: unknown, as?: OpName, ext?: Record<string, unknown>): Dot {
    this.#mayWrite()
    const dot = this.#own.append(payload, as, ext, this.connection.limits)
    this.changed()
    this.connection.poke()
    return dot
  }

  #mayWrite(): void {
    if (this.#left) throw new BatonError("closed", "the document was left")
    if (this.#access && !this.#access.includes("write")) {
      throw new BatonError("forbidden", `this session may not write ${this.name}`)
    }
  }

  /** Tells whoever is there, once; while there is no connection nobody. */
  publish(name: string, data?: unknown): void {
    this.#fits(`the data of ${name}`, JSON.stringify(data) ?? "")
    if (this.#stage === "in")
      this.connection.send(JSON.stringify({ type: "event", doc: this.name, name, data }))
  }

  #fits(what: string, text: string): void {
    const { presence_bytes = 0 } = this.connection.limits ?? {}
    if (presence_bytes > 0) fits(what, utf8(text), presence_bytes)
  }

  /**
   * Goes on after `refused` or `diverged`. Work that is not durable is made again under a new actor, but for an op that
   * no relay would take; if the relay ended the stay, the document is entered again. Returns the ops made again. It
   * throws, and changes nothing, if this session may not write. Where the stored state could not be loaded, it is only
   * tried again.
   */
  recover(): Dot[] {
    if (this.retry()) return []
    this.#mayWrite()
    const made: Dot[] = []
    for (const op of this.discard()) {
      try {
        made.push(this.append(op.payload, undefined, op.ext))
      } catch (error) {
        this.report(error, op)
      }
    }
    return made
  }

  /** Goes on after `refused` or `diverged` without the work that is not durable, and returns that. */
  discard(): Op[] {
    const rest = this.#own.surrender()
    this.#again(this.#ended?.code === "deleted")
    return rest
  }

  /**
   * Has all of the document sent again, own ops too: the application has nothing of it any more. For bindings, which
   * build it anew.
   */
  replay(): void {
    this.#again(true)
  }

  /** The same without the ops that are not durable, which it returns: nobody else has them now. */
  restart(): Op[] {
    const rest = this.#own.surrender()
    this.replay()
    return rest
  }

  /** @internal Tries again after the stored state could not be loaded. Returns false if that is not why it is refused. */
  retry(): boolean {
    if (this.#left || this.#ended?.code !== "snapshot") return false
    this.#inflow.retry()
    this.#enterAgain()
    return true
  }

  #again(anew: boolean): void {
    this.#inflow.again(anew)
    this.#enterAgain()
  }

  #enterAgain(): void {
    if (this.#stage === "over") this.#stage = "out"
    this.#ended = this.#access = undefined
    this.saved.mend()
    this.rejoin()
    this.connection.add(this)
  }

  /**
   * Leaves the document, once all who share the stay have left it. What is not durable is kept for the next page, where
   * there is storage.
   */
  leave(): void {
    if (!this.#left && --this.#users === 0) this.quit()
  }

  /** @internal */
  share(): this {
    this.#users++
    return this
  }

  /** @internal Leaves the document, whoever else is in it. */
  quit(): void {
    this.#left = true
    this.end(new BatonError("closed", "the document was left"))
    this.#own.release()
    this.#options.copy?.release()
    clearTimeout(this.#looking)
    this.ops.end()
  }

  // What bindings call.

  /** @internal Tells of something that a binding has dealt with. */
  report(cause: unknown, op?: Dot): void {
    const error = cause instanceof BatonError ? cause : new BatonError("invalid", String(cause), cause)
    const { code, message } = error
    this.emit("problem", op ? new BatonError(code, `op ${op.actor}:${op.seq}: ${message}`, cause) : error)
  }

  /** @internal Sends nothing more, as if the relay had refused an op. */
  refuse(error: BatonError, op?: Dot): void {
    this.#own.refuse(error, op)
    this.changed()
  }

  /**
   * @internal The offset whose state the application has, if it is live and settled; else 0. What was refused is in the
   * application's document and not in the log.
   */
  get settledAt(): number {
    const { refusal, withheld } = this.#own
    return this.#inflow.seen.live && this.#inflow.settled && !refusal && !withheld
      ? this.#inflow.seen.offset
      : 0
  }

  // What the connection calls.

  /** @internal Says whose work this is; `sure` once nobody but the relay could say otherwise. */
  keep(scope: string, sure: boolean): void {
    const { database } = this.connection
    if (!database) return
    if (!this.#store || scope !== this.#scope) {
      const store = new OutboxStore(database, scope, this.name)
      this.#store = store
      this.#scope = scope
      void store.ready.then(() => {
        if (this.#store !== store) return
        this.#own.keep(store)
        if (this.#left) this.#own.release()
      })
    }
    if (!sure) return
    if (this.#searched) void this.#look(this.#store)
    else {
      this.#options.copy?.bind(database, scope, this.name)
      void this.#find(this.#store)
    }
  }

  /** Finds what earlier pages have left, before the relay is asked for the rest. */
  async #find(store: OutboxStore): Promise<void> {
    this.#searched = true
    // Counted in ticks: a page that is busy with itself does not make the storage slow.
    let ticks = 0
    const late = setInterval(() => ++ticks >= openTicks && this.#opened(), openTick)
    await this.#inflow.open()
    await this.#look(store)
    clearInterval(late)
    this.#opened()
  }

  #opened(): void {
    this.#opening = false
    this.connection.poke()
  }

  async #look(store: OutboxStore): Promise<void> {
    clearTimeout(this.#looking)
    const { kept, others } = await store.take().catch(() => ({ kept: [], others: false }))
    if (this.#left) return // they are this tab's now, and go with it
    const { epoch } = this.#inflow.seen
    for (const k of kept) {
      if (k.ops[0] && k.epoch && epoch && k.epoch !== epoch) this.#own.withheld = true
      this.#own.outbox.adopt(k, store.tab)
    }
    this.#inflow.deliver([])
    this.changed()
    this.connection.poke()
    if (!others) return
    this.#looking = setTimeout(() => this.#look(store), this.#lookAfter)
    this.#lookAfter = Math.min(2 * this.#lookAfter, lookAgain)
  }

  /** @internal Sends what there is to send, of ops at most `open`. Returns when to ask again, ms. */
  pump(socket: Socket, limits: Limits, now: number, open: number): number {
    if (this.#stage === "out" && !this.#opening) {
      if (this.#notBefore > now) return this.#notBefore
      this.#own.check(limits)
      socket.send(this.#enter())
    }
    if (this.#stage !== "in") return Infinity
    const again = this.presence.pump(now, limits.presence_hz, (state) =>
      socket.send(`{"type":"presence","doc":"${this.name}","state":${state}}`),
    )
    const { outbox, refusal, withheld } = this.#own
    if (refusal || withheld || socket.draining || this.#inflow.baseless) return again
    const size = Math.min(frameSize, (limits.frame_bytes || frameSize) - frameRoom)
    for (let left = open; left > 0; ) {
      if (socket.buffered >= socketRoom) return Math.min(again, now + drainPoll)
      const ops = outbox.take(now, Math.min(left, limits.ops_per_frame || 64), size)
      if (!ops[0]) break
      left -= ops.length
      const id = `ops:${ops[0].seq}:${ops[0].actor}`
      socket.send(`{"type":"ops","id":"${id}","doc":"${this.name}","ops":[${ops.map((op) => op.text)}]}`)
    }
    return Math.min(again, outbox.again(now))
  }

  #enter(): string {
    const { replaces } = this.connection
    this.#stage = "joining"
    this.#join = this.connection.nextJoin()
    const { format, channels } = this.#options
    const { since, opsOnly } = this.#inflow
    return JSON.stringify({
      type: "join",
      id: `join:${this.#join}`,
      doc: this.name,
      ...(channels && { channels }),
      ...(since && { since }),
      ...(format && { format }),
      ...(opsOnly && { snapshot: false }),
      ...(replaces && { replaces }),
    } satisfies JoinFrame)
  }

  /** @internal How many ops wait for their answer. */
  get open(): number {
    return this.#own.outbox.sent
  }

  /** @internal Since when the oldest of them does, ms. */
  get unanswered(): number {
    return this.#own.outbox.unanswered
  }

  /** @internal The connection is lost, or about to be made anew; `long` ago: those who were there may be gone. */
  cut(long = false): void {
    if (long) this.presence.clear()
    if (this.#stage === "over") return
    this.#stage = "out"
    this.#notBefore = 0
    this.#asked = false // the relay asks again
    this.#inflow.cut()
    this.presence.restart()
    this.changed()
  }

  /** @internal Takes a frame about this document. */
  receive(f: ServerFrame): void {
    if (f.type === "error") return this.#error(f)
    if (f.type === "joined" && this.#stage === "joining" && f.id === `join:${this.#join}`) {
      this.#stage = "in"
      this.#access = f.access
      const divergence = this.#inflow.enter(f)
      if (divergence) this.emit("diverged", divergence)
    } else if (f.type === "joined" || this.#stage !== "in") return // of a stay before this one
    switch (f.type) {
      case "joined":
      case "ops":
      case "live":
      case "ack":
      case "snapshot":
        this.#inflow.take(f)
        break
      case "reject":
        this.#own.rejected(f)
        break
      case "presence":
        this.presence.apply(f.states, this.connection.session)
        break
      case "event":
        this.emit("event", f)
        break
      case "access":
        this.#access = f.access
        break
      case "compact":
        this.#asked = true
        break
      case "left":
        if (f.code !== "left")
          this.#over(new BatonError(f.code, `the relay ended the stay in ${this.name}: ${f.code}`))
    }
    this.changed()
    this.connection.poke()
  }

  #error(f: ErrorFrame): void {
    const [of, n, ...actor] = String(f.id).split(":")
    const later = f.code === "rate_limited" || f.code === "unavailable"
    if (of === "join") {
      if (Number(n) !== this.#join || this.#stage !== "joining") return // of a stay before this one
      if (!later) return this.#over(new BatonError(f.code, f.message))
      this.#stage = "out"
      this.#notBefore = Date.now() + Math.max(f.retry_ms ?? 0, patience) + Math.random() * patience
    } else if (of === "ops") {
      if (this.#stage !== "in") return // of a stay before this one
      if (f.code === "not_joined") return this.rejoin()
      const code = later ? "rate_limited" : f.code === "forbidden" ? f.code : "invalid"
      this.#own.rejected({ ...f, code, actor: actor.join(":"), seq: Number(n) })
    } else if (f.doc === this.name && of !== "leave") {
      this.report(new BatonError(f.code, f.message))
    }
    this.changed()
    this.connection.poke()
  }

  /** @internal Enters the document anew, from where the stream has come, after a time, ms. */
  rejoin(after = 0): void {
    this.#leave()
    this.cut()
    this.#notBefore = after && Date.now() + after
    this.connection.poke()
  }

  /** @internal Leaves for good. */
  end(error: BatonError): void {
    this.#leave()
    this.#over(error)
  }

  #leave(): void {
    if (this.#stage !== "in" && this.#stage !== "joining") return
    this.connection.send(JSON.stringify({ type: "leave", id: "leave", doc: this.name }))
  }

  #over(error: BatonError): void {
    if (this.#stage === "over") return
    this.cut()
    this.#stage = "over"
    this.#ended = error
    this.presence.clear()
    this.connection.remove(this)
    this.saved.fail(error)
    this.changed()
  }

  /** @internal Works out the status anew. */
  changed(): void {
    this.saved.update()
    if (this.#left) return
    const storage = this.connection.database?.error
    this.show({ reason: undefined, ...this.#state(), access: this.#access, storage })
    this.#answer()
  }

  /** Passes on that the relay asks for a stored state, once the application has all that is in the log and no more. */
  #answer(): void {
    if (!this.#asked || this.settledAt === 0) return
    this.#asked = false
    this.emit("compact", undefined)
  }

  #state(): Status {
    const { state, reason } = this.connection.status
    const refusal = this.#ended ?? (state === "refused" ? reason : this.#own.refusal?.error)
    if (refusal) return { state: "refused", reason: refusal }
    if (this.#own.withheld) return { state: "diverged" }
    if (state !== "open") return { state: state === "connecting" ? state : "offline", reason }
    if (!this.#inflow.seen.live) return { state: "syncing", reason: this.#inflow.trouble }
    return { state: this.#access?.includes("write") ? "live" : "read-only" }
  }
}
