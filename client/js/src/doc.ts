import { type Dot, fromVector, Seen, toVector, type Vector } from "./clock.ts"
import type { Connection } from "./connection.ts"
import { Emitter } from "./emitter.ts"
import { BatonError } from "./errors.ts"
import type {
  AccessFrame,
  AckFrame,
  Entry,
  ErrorFrame,
  JoinedFrame,
  JoinFrame,
  LeftFrame,
  ServerFrame,
  Snapshot,
} from "./frames.ts"
import { type Op, OpStream } from "./opstream.ts"
import type { Parsed } from "./outboxes.ts"
import { OutboxStore } from "./outboxstore.ts"
import { type OpName, OwnOps, type Refusal, utf8 } from "./own.ts"
import { Presence } from "./presence.ts"
import type { SnapshotLoader } from "./snapshot.ts"

/** How far somebody has a document. Kept with the document, it lets a later join go on from there. */
export interface Place {
  epoch: string
  offset: number
  clock: Record<string, number>
  /** The entries of `clock` that imply the others. */
  heads?: Record<string, number>
}

export interface JoinOptions {
  /** What the payloads are, such as `json`, `automerge` or `yjs`. Left out: whatever the document is. */
  format?: string
  /** How far the application has the document already. Left out: not at all. */
  since?: Place
  /** What to hear. Left out: both. */
  channels?: ("ops" | "presence")[]
  /** Takes stored states in place of ops. Left out: the document always comes as ops. */
  snapshots?: SnapshotLoader
}

/** How a document stands. */
export interface Status {
  state: "connecting" | "syncing" | "live" | "read-only" | "offline" | "refused" | "diverged"
  /** Why, where somebody should know: the relay's word, a lost connection. */
  reason?: BatonError
  /** This session's rights, once the relay has said them. */
  access?: string[]
  /** Why unsaved work would not survive this page: there is no storage, or it is full. Left out while it would. */
  storage?: BatonError
}

/** That the document's log is not the one that was known: it was deleted, restored from a backup, or imported. */
export interface Divergence {
  was: string
  is: string
  /** What the application has and the log has not, by the highest seq. */
  lost: Record<string, number>
}

export interface DocEvents {
  status: Status
  /** What somebody there has published; without `session` it came over HTTP. */
  event: { session?: string; name: string; data?: unknown }
  diverged: Divergence
  /** Something went wrong that was dealt with, and that somebody should look into. */
  problem: BatonError
  /** The relay asks for a stored state of this document: see {@link storeSnapshot}. */
  compact: undefined
}

/** Said, with the number of the join, in the id of a join. */
const joinId = "join:"
const opsId = "ops:"

/** How often it is looked for ops that other tabs left when they died, ms. */
const lookAgain = 10_000

/** One document on a connection. It comes back with the connection after each cut, until {@link Doc.leave}. */
export class Doc extends Emitter<DocEvents> {
  readonly connection: Connection
  readonly name: string
  /** Ops of others, and own ones of earlier pages. */
  readonly ops = new OpStream()
  readonly presence: Presence
  #options: JoinOptions
  #own: OwnOps

  // How far the application is.
  #seen: Seen
  #epoch: string
  #offset: number

  // The stay.
  #stage: "out" | "joining" | "in" | "over" = "out"
  #live = false
  #join = 0
  #leaveFirst = false
  #notBefore = 0
  #byClock = false
  #opsOnly: boolean
  #access: string[] | undefined
  #ended: BatonError | undefined
  #gaps = 0
  #proof: Vector | undefined
  /** What the log has, where that is less than what was known of it. */
  #logged: Vector | undefined

  // Frames of the stream that wait for a snapshot to be loaded. A new stay begins a new list.
  #inbox: ServerFrame[] = []
  #loading = false

  // Where own ops are kept.
  #scope: string | undefined
  #store: OutboxStore | undefined
  #left = false

  #status: Status = { state: "connecting" }
  #looking: ReturnType<typeof setTimeout> | undefined

  /** @internal */
  constructor(conn: Connection, name: string, options: JoinOptions) {
    super()
    const { since, snapshots } = options
    this.name = name
    this.connection = conn
    this.#options = options
    this.#seen = new Seen(toVector(since?.clock), toVector(since?.heads))
    this.#epoch = since?.epoch ?? ""
    this.#offset = since?.offset ?? 0
    this.#opsOnly = !snapshots
    this.#own = new OwnOps(this.#seen, () => this.#changed())
    this.presence = new Presence(
      () => conn.poke(),
      (text) => this.#fits(text),
    )
  }

  get status(): Status {
    return this.#status
  }

  /** How much of the own work is durable. */
  get saved() {
    return this.#own.saved
  }

  /** How far the application has come with the ops that it was given. Own ops that are not durable are left out. */
  get place(): Place {
    const { have, heads } = this.#seen
    const logged = this.#own.boxes.logged(have)
    return {
      epoch: this.#epoch,
      offset: this.#offset,
      clock: fromVector(logged),
      heads: fromVector([...heads].filter(([actor, seq]) => logged.get(actor) === seq)),
    }
  }

  /** The actor of the next own op. No other tab writes as it. */
  get actor(): string {
    return this.#own.writer(this.#live).actor
  }

  /**
   * Makes an op of a JSON value and returns its name. It is kept, through reloads where the browser has storage, and
   * sent until the relay has it for good. `as` is for formats that name their own changes. It throws a
   * {@link BatonError}, and nothing is kept, if the op is larger than the relay takes (`too_large`) or this session may
   * not write (`forbidden`).
   */
  append(payload: unknown, as?: OpName, ext?: Record<string, unknown>): Dot {
    if (this.#left) throw new BatonError("closed", "the document was left")
    if (this.#access && !this.#access.includes("write")) {
      throw new BatonError("forbidden", `this session may not write ${this.name}`)
    }
    const dot = this.#own.append(payload, as, ext, this.connection.limits, this.#live, this.#epoch)
    this.connection.poke()
    return dot
  }

  /** Tells whoever is there, once; while there is no connection nobody. */
  publish(name: string, data?: unknown): void {
    const text = JSON.stringify({ type: "event", doc: this.name, name, data })
    this.#fits(JSON.stringify(data) ?? "")
    if (this.#stage === "in") this.connection.send(text)
  }

  #fits(text: string): void {
    const limit = this.connection.limits?.presence_bytes ?? 0
    if (limit > 0 && text.length * 3 > limit && utf8(text) > limit) {
      throw new BatonError("too_large", `it has ${utf8(text)} bytes, and the relay takes ${limit}`)
    }
  }

  /**
   * Goes on after `refused` or `diverged`. Work that is not durable is made again under a new actor, but for an op that
   * no relay would take; if the relay ended the stay, the document is entered again. Returns the ops made again.
   */
  recover(): Dot[] {
    const rest = this.restart(true)
    return rest.map((op) => this.append(op.payload, undefined, op.ext))
  }

  /** Goes on after `refused` or `diverged` without the work that is not durable, and returns that. */
  discard(): Op[] {
    return this.restart(true)
  }

  /**
   * Gives up the ops that are not durable and enters the document anew. Returns those ops: nobody else has them now.
   * Unless `keep`, the application has nothing of the document any more, and all of it comes again. For bindings, which
   * then make the rest again in their own way.
   */
  restart(keep = false): Op[] {
    const rest = this.#own.surrender()
    for (const [actor, seq] of this.#seen.have) {
      const held = this.#logged?.get(actor) ?? 0
      if (this.#logged && held < seq) this.#seen.unmake(actor, held + 1)
    }
    this.#logged = undefined
    if (keep && this.#ended?.code !== "deleted") this.#again()
    else this.replay()
    return rest
  }

  /** Has all of the document sent again, own ops too: the application has nothing of it any more. */
  replay(): void {
    this.#seen.have = new Map()
    this.#seen.heads = new Map()
    this.#offset = 0
    this.#epoch = ""
    this.#again()
  }

  #again(): void {
    this.#byClock = true
    this.#opsOnly = !this.#options.snapshots
    if (this.#stage === "over") this.#stage = "out"
    this.#ended = undefined
    this.#rejoin()
    this.connection.add(this)
  }

  /** Whether the application was given an op, or has made it. */
  has({ actor, seq }: Dot): boolean {
    return this.#seen.get(actor) >= seq
  }

  /** The op that will never be taken, while the status is `refused` for that. */
  get refusal(): Refusal | undefined {
    return this.#own.refusal
  }

  /** @internal Sends nothing more, as if the relay had refused an op. */
  refuse(error: BatonError): void {
    this.#own.refuse(error.code, error.message)
  }

  /** @internal The offset whose state the application has, if it is live with nothing unsaved; else 0. */
  get settledAt(): number {
    return this.#live && this.saved.pending === 0 ? this.#offset : 0
  }

  /** Leaves the document. What is not durable is kept for the next page, where there is storage. */
  leave(): void {
    this.#left = true
    if (this.#stage === "in" || this.#stage === "joining") this.connection.send(frame("leave", this.name))
    this.#over(new BatonError("closed", "the document was left"))
    this.#own.release(this.#epoch)
    clearTimeout(this.#looking)
    this.ops.end()
  }

  /** @internal Tells of something that a binding has dealt with. */
  report(cause: unknown, op?: Dot): void {
    const error = cause instanceof BatonError ? cause : new BatonError("invalid", String(cause), cause)
    this.emit(
      "problem",
      op ? new BatonError(error.code, `op ${op.actor}:${op.seq}: ${error.message}`, cause) : error,
    )
  }

  // What the connection calls.

  /** @internal Says whose work this is; `sure` once nobody but the relay could say otherwise. */
  keep(scope: string, sure: boolean): void {
    const { database } = this.connection
    if (!database) return
    let store = this.#store
    if (!store || scope !== this.#scope) {
      const begun = new OutboxStore(database, scope, this.name)
      this.#store = store = begun
      void begun.ready().then(() => {
        if (this.#store !== begun) return
        this.#own.keep(begun, this.#epoch)
        if (this.#left) this.#own.release(this.#epoch)
      })
    }
    this.#scope = scope
    if (sure) void this.#look(store)
  }

  async #look(store: OutboxStore): Promise<void> {
    clearTimeout(this.#looking)
    const { kept, others } = await store.take().catch(() => ({ kept: [], others: false }))
    if (this.#left) return // they are this tab's now, and go with it
    for (const k of kept) {
      if (k.ops.length > 0 && k.epoch !== "" && this.#epoch !== "" && k.epoch !== this.#epoch)
        this.#own.withheld = true
      this.#own.boxes.adopt(k, store.tab)
    }
    this.#deliver([])
    this.#changed()
    this.connection.poke()
    if (others) this.#looking = setTimeout(() => this.#look(store), lookAgain)
  }

  /** @internal Returns the frames to send now. */
  *frames(now: number, open: number): Generator<string, number> {
    if (this.#stage === "out" && this.#notBefore <= now) yield* this.#enter()
    if (this.#stage !== "in") return this.#stage === "out" ? this.#notBefore : Infinity
    const { limits, draining } = this.connection
    const state = this.presence.due(now, limits?.presence_hz ?? 0)
    if (typeof state === "string") yield `{"type":"presence","doc":"${this.name}","state":${state}}`
    let again = typeof state === "number" ? state : Infinity
    if (this.#own.refusal || this.#own.withheld || draining) return again
    for (let left = open; left > 0; ) {
      const batch = this.#own.boxes.take(now, Math.min(left, limits?.ops_per_frame || 64), 64 << 10)
      if (!batch) break
      left -= batch.ops.length
      const texts = batch.ops.map((op) => op.text)
      yield `{"type":"ops","id":"${opsId}${batch.ops[0]?.seq}:${batch.actor}","doc":"${this.name}","ops":[${texts}]}`
    }
    again = Math.min(again, this.#own.boxes.again(now))
    return again
  }

  *#enter(): Generator<string> {
    const { limits } = this.connection
    if (limits) this.#own.check(limits)
    if (this.#leaveFirst) yield frame("leave", this.name)
    this.#leaveFirst = false
    this.#stage = "joining"
    this.#join = this.connection.nextJoin()
    const { format, channels } = this.#options
    const { epoch, offset, clock } = this.place
    const known = this.#byClock ? { clock } : { epoch, offset, clock }
    const f: JoinFrame = {
      type: "join",
      id: joinId + this.#join,
      doc: this.name,
      ...(channels && { channels }),
      ...(Object.keys(clock).length > 0 && { since: known }),
      ...(format && { format }),
      ...(this.#opsOnly && { snapshot: false }),
      ...(this.connection.replaces && { replaces: this.connection.replaces }),
    }
    yield JSON.stringify(f)
  }

  /** @internal How many ops wait for their answer. */
  get open(): number {
    return this.#own.boxes.open
  }

  /** @internal Since when the oldest of them does, ms. */
  get unanswered(): number {
    return this.#own.boxes.unanswered
  }

  /** @internal The connection is lost, or about to be made anew. */
  cut(): void {
    if (this.#stage === "over") return
    this.#stage = "out"
    this.#leaveFirst = this.#live = this.#loading = false
    this.#notBefore = 0
    this.#inbox = []
    this.#own.boxes.reset()
    this.presence.restart()
    this.#changed()
  }

  /** @internal Takes a frame about this document. */
  receive(f: ServerFrame): void {
    if (f.type === "joined") {
      if (this.#stage !== "joining" || f.id !== joinId + this.#join) return
      this.#joined(f)
    } else if (f.type === "error") {
      return this.#error(f)
    }
    if (this.#stage !== "in") return // of a stay before this one
    switch (f.type) {
      case "joined":
      case "ops":
      case "live":
      case "ack":
      case "snapshot":
        if (this.#loading) this.#inbox.push(f)
        else this.#flow(f)
        break
      case "reject":
        this.#own.rejected(f, Date.now())
        break
      case "presence":
        this.presence.apply(f.states, this.connection.session)
        break
      case "event":
        this.emit("event", f)
        break
      case "access":
        this.#setAccess(f)
        break
      case "compact":
        this.emit("compact", undefined)
        break
      case "left":
        this.#ousted(f)
    }
  }

  #joined(f: JoinedFrame): void {
    this.#stage = "in"
    this.#byClock = false
    const lost = f.lost ?? {}
    if (Object.keys(lost).length > 0 || (this.#epoch !== "" && this.#epoch !== f.epoch && f.clock)) {
      const divergence = { was: this.#epoch, is: f.epoch, lost }
      this.#logged = toVector(f.clock)
      if (this.saved.pending > 0 || Object.keys(lost).length > 0) this.#own.withheld = true
      this.#seen.trim(this.#logged)
      this.emit("diverged", divergence)
    }
    this.#epoch = f.epoch
    this.presence.restart()
    this.#setAccess(f)
    this.connection.poke()
  }

  #setAccess(f: JoinedFrame | AccessFrame): void {
    this.#access = f.access
    this.#changed()
  }

  #ousted(f: LeftFrame): void {
    if (f.code === "left") return
    const what = f.code === "deleted" ? "the document was deleted" : `the relay ended the stay: ${f.code}`
    this.#over(new BatonError(f.code, what))
  }

  #error(f: ErrorFrame): void {
    const id = String(f.id ?? "")
    const later = f.code === "rate_limited" || f.code === "unavailable"
    if (id === joinId + this.#join && this.#stage === "joining") {
      if (!later) return this.#over(new BatonError(f.code, f.message))
      this.#stage = "out"
      this.#notBefore = Date.now() + (f.retry_ms ?? 250) + Math.random() * 250
    } else if (id.startsWith(opsId) && this.#stage === "in") {
      const [, seq, actor] = /^ops:(\d+):(.*)$/.exec(id) ?? []
      if (f.code === "not_joined") return this.#rejoin()
      const code = later ? "rate_limited" : f.code === "forbidden" ? f.code : "invalid"
      this.#own.rejected({ ...f, code, actor: actor ?? "", seq: Number(seq) }, Date.now())
    } else {
      this.emit("problem", new BatonError(f.code, f.message))
    }
    this.connection.poke()
  }

  /** Takes the next frame of the stream, in its order. */
  #flow(f: ServerFrame): void {
    if (f.type === "joined") this.#begin(f)
    else if (f.type === "ops") this.#deliver(f.ops)
    else if (f.type === "ack") this.#acked(f)
    else if (f.type === "snapshot") void this.#load(f.snapshot)
    else if (f.type === "live") this.#arrive(f.offset)
  }

  #begin(f: JoinedFrame): void {
    this.#proof = f.clock && toVector(f.clock)
    if (f.clock) this.#offset = 0
    // Where ops are gone and no blob stands in for them, nothing can be proven before the catch-up is over.
    this.#seen.loose = !f.snapshot && f.from > this.#offset && f.from + 1 === f.first
    if (f.snapshot) void this.#load(f.snapshot)
    else this.#offset = f.from
    if (!this.#hearsOps) this.#arrive(f.from)
  }

  get #hearsOps(): boolean {
    return this.#options.channels?.includes("ops") ?? true
  }

  /** Fetches a state and gives it to the application. What follows in the stream waits. */
  async #load(at: Snapshot): Promise<void> {
    this.#loading = true
    const inbox = this.#inbox
    try {
      const { snapshots, format = "" } = this.#options
      if (!snapshots) throw new BatonError("snapshot", "nobody here loads it")
      const { blob, clock } = await snapshots.fetch((path) => this.connection.request(path), at)
      if (this.#inbox !== inbox || this.#stage !== "in") return // another stay has begun
      snapshots.load(blob, at.format ?? format)
      this.#seen.replace(clock)
      this.#offset = at.offset
    } catch (error) {
      if (this.#inbox !== inbox || this.#stage !== "in") return
      this.#opsOnly = this.#byClock = true
      this.emit("problem", new BatonError("snapshot", `the stored state cannot be loaded: ${error}`, error))
      return this.#rejoin()
    }
    this.#loading = false
    for (let f = inbox.shift(); f; f = inbox.shift()) {
      this.#flow(f)
      if (this.#inbox !== inbox || this.#loading) return
    }
  }

  /** Gives the application what it lacks of these ops, and of own ones of earlier pages what can follow. */
  #deliver(entries: Entry[]): void {
    const batch: Op[] = []
    for (const e of entries) {
      if (!this.#take(e, batch)) break
    }
    this.#own.arrived()
    for (let more = !this.#seen.loose && !this.#own.withheld; more; ) {
      more = false
      for (const box of this.#own.boxes.all.values()) {
        for (let op = box.find(this.#seen.get(box.actor) + 1); op; op = box.find(op.seq + 1)) {
          if (!this.#fold(JSON.parse(op.text), batch)) break
          more = true
        }
      }
    }
    this.ops.push(batch)
  }

  #fold(op: Op | Parsed, batch: Op[]): boolean {
    const missing = this.#seen.fold({ ...op, clock: toVector(op.clock) })
    if (missing.size === 0) batch.push(op)
    return missing.size === 0
  }

  /** Takes one op of the log. It returns false if the stream cannot go on. */
  #take(e: Entry, batch: Op[]): boolean {
    const mine = this.#own.mine(e)
    if (mine === "stranger") {
      this.#own.refuse("conflict", `the log has another op ${e.actor}:${e.seq}`, e)
      return true
    }
    if (mine === "pending") this.#deliverAcked(this.#own.acked(e.actor, e.seq), batch)
    if (e.seq > this.#seen.get(e.actor)) {
      const missing = this.#seen.fold({ ...e, clock: toVector(e.clock) })
      if (missing.size > 0) {
        this.#gap(`${e.actor}:${e.seq}`, missing)
        return false
      }
      batch.push(e as Op)
    }
    this.#offset = e.offset
    return true
  }

  /** Ops of earlier pages were not seen by this one until they are in the log. */
  #deliverAcked(ops: Parsed[], batch: Op[]): void {
    for (const op of ops) {
      if (op.seq <= this.#seen.get(op.actor) || this.#fold(op, batch)) continue
      return this.#gap(`${op.actor}:${op.seq}`, toVector(op.clock))
    }
  }

  #acked(f: AckFrame): void {
    const batch: Op[] = []
    this.#deliverAcked(this.#own.acked(f.actor, f.seq), batch)
    this.#offset = Math.max(this.#offset, f.offset)
    this.ops.push(batch)
    this.connection.poke()
  }

  #arrive(offset: number): void {
    this.#offset = Math.max(this.#offset, offset)
    const missing = this.#hearsOps && this.#proof ? this.#seen.lacks(this.#proof) : new Map()
    this.#proof = undefined
    if (missing.size > 0) return this.#gap("the end of the catch-up", missing)
    this.#gaps = 0
    this.#live = true
    this.connection.alive()
    this.#changed()
  }

  /** Has the document sent again from what is here. What comes out the same a second time is final. */
  #gap(before: string, missing: Vector): void {
    const what = [...missing].map(([actor, seq]) => `${actor}:${seq}`).join(", ")
    const error = new BatonError(
      "lost",
      `${before} came, but not ${what}: the relay, its log or this client is broken`,
    )
    this.emit("problem", error)
    if (this.#gaps++ > 0) {
      this.connection.send(frame("leave", this.name))
      return this.#over(error)
    }
    this.#byClock = true
    this.#rejoin()
  }

  #rejoin(): void {
    const inside = this.#stage === "in" || this.#stage === "joining"
    this.cut()
    this.#leaveFirst = inside
    this.connection.poke()
  }

  #over(error: BatonError): void {
    if (this.#stage === "over") return
    this.cut()
    this.#stage = "over"
    this.#ended = error
    this.presence.clear()
    this.connection.remove(this)
    this.saved.fail(error)
    this.#changed()
  }

  /** @internal Works out the status anew. */
  changed(): void {
    this.#changed()
  }

  #changed(): void {
    this.saved.update()
    if (this.#left) return
    const { state, reason } = this.#state()
    const storage = this.connection.database?.error
    const next: Status = {
      state,
      ...(reason && { reason }),
      ...(this.#access && { access: this.#access }),
      ...(storage && { storage }),
    }
    const was = this.#status
    if (
      was.state === state &&
      was.reason === reason &&
      was.access === this.#access &&
      was.storage === storage
    )
      return
    this.#status = next
    this.emit("status", next)
  }

  #state(): { state: Status["state"]; reason?: BatonError | undefined } {
    const refused = this.#ended ?? this.connection.refused ?? this.#own.refusal?.error
    if (refused) return { state: "refused", reason: refused }
    if (this.#own.withheld) return { state: "diverged" }
    if (!this.connection.connected)
      return { state: this.connection.tried ? "offline" : "connecting", reason: this.connection.trouble }
    if (!this.#live) return { state: "syncing" }
    return { state: this.#access?.includes("write") ? "live" : "read-only" }
  }
}

function frame(type: "leave", doc: string): string {
  return JSON.stringify({ type, doc })
}
