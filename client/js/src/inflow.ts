import { fromVector, Seen, toVector, type Vector } from "./clock.ts"
import type { LocalCopy } from "./copy.ts"
import type { Doc } from "./doc.ts"
import { BatonError } from "./errors.ts"
import type { Entry, JoinedFrame, ServerFrame, Snapshot } from "./frames.ts"
import { type Op, OpStream } from "./opstream.ts"
import { OwnOps, parse } from "./own.ts"
import type { SnapshotLoader } from "./snapshot.ts"

/** How far somebody has a document. Kept with the document, it lets a later join go on from there. */
export interface Place {
  epoch: string
  offset: number
  clock: Record<string, number>
  /** The entries of `clock` that imply the others. */
  heads?: Record<string, number>
}

/** That the document's log is not the one that was known: it was deleted, restored from a backup, or imported. */
export interface Divergence {
  was: string
  is: string
  /** What the application has and the log has not, by the highest seq. */
  lost: Record<string, number>
}

export interface InflowOptions {
  since: Place | undefined
  format: string
  hearsOps: boolean
  snapshots: SnapshotLoader | undefined
  copy: LocalCopy | undefined
}

/** How many states the relay is asked for, where one after the other does not load. */
const mostStates = 4

/** How long to wait before a state is fetched again, at first and at most, ms. */
const refetch = 500
const refetchMost = 30_000

type StreamFrame = Extract<ServerFrame, { type: "joined" | "ops" | "live" | "ack" | "snapshot" }>

/**
 * What the application has of a document. It takes the relay's stream in its order, gives on each op once, and proves
 * from clocks alone that none is missing.
 */
export class Inflow {
  readonly ops = new OpStream()
  readonly seen: Seen
  readonly own: OwnOps
  /** Whether the relay's stored states are no use here. */
  opsOnly: boolean
  #doc: Doc
  #options: InflowOptions
  /** The next join does not trust the offset. */
  #byClock = false
  /** What the catch-up must add up to. */
  #proof: Vector | undefined
  /** What the log has, where that is less than what was known of it. */
  #less: Vector | undefined
  /** The log has another op of a name that was given here: what follows from it waits until the actor is given up. */
  #halted = false
  /** Whether the relay's stream is, or was, taken. */
  #begun = false
  /** What of the log the local copy lacks. */
  #logged: Op[] = []
  /** Gaps since the document was live the last time. */
  #gaps = 0
  /** Why the relay's stored state is not here, until the document is live; `passing`: it may be fetched later. */
  #unloaded: { error: BatonError; passing: boolean } | undefined
  /** How often it could not be fetched in a row. */
  #fetches = 0
  // Frames that wait for a snapshot to be loaded. A new stay begins a new list.
  #waiting: StreamFrame[] = []
  #loading = false

  constructor(doc: Doc, options: InflowOptions) {
    const { since, snapshots } = options
    this.#doc = doc
    this.#options = options
    this.seen = new Seen(toVector(since?.clock), toVector(since?.heads))
    this.seen.epoch = since?.epoch ?? ""
    this.seen.offset = since?.offset ?? 0
    this.opsOnly = !snapshots
    this.own = new OwnOps(this.seen)
  }

  /** How far the application has come. Own ops that are not durable are left out. */
  get place(): Place {
    const { epoch, offset, have, heads } = this.seen
    const logged = this.own.outbox.logged(have)
    return {
      epoch,
      offset,
      clock: fromVector(logged),
      heads: fromVector([...heads].filter(([actor, seq]) => logged.get(actor) === seq)),
    }
  }

  /** What a join says of how far it has come; undefined: nothing is here. */
  get since(): Partial<Place> | undefined {
    const { epoch, offset, clock } = this.place
    if (Object.keys(clock).length === 0) return undefined
    return this.#byClock ? { clock } : { epoch, offset, clock }
  }

  /** Whether the state is not here yet that the document begins with: own ops made without it are not sent. */
  get baseless(): boolean {
    return this.#loading || this.#unloaded !== undefined
  }

  /** What holds up the document, while it is not live. */
  get trouble(): BatonError | undefined {
    return this.#unloaded?.error
  }

  /** Whether the application has taken all it was given, and has nothing that is not in the log. */
  get settled(): boolean {
    return this.ops.taken && this.own.saved.pending === 0
  }

  /** A stay has ended: what was not taken comes again. */
  cut(): void {
    this.seen.live = this.#loading = false
    this.#waiting = []
    this.own.outbox.reset()
  }

  /** Begins again from what is here, but for what the log was found to lack; or `anew`, from nothing. */
  again(anew: boolean): void {
    if (anew) this.seen.forget()
    else if (this.#less) {
      for (const actor of [...this.seen.have.keys()])
        this.seen.unmake(actor, (this.#less.get(actor) ?? 0) + 1)
    }
    this.#less = undefined
    this.retry()
    this.#unloaded = undefined
    this.#options.copy?.drop(anew)
  }

  /** Begins again from what is here, with the relay's stored state. */
  retry(): void {
    this.#byClock = true
    this.opsOnly = !this.#options.snapshots
  }

  /** Enters a stay. Returns whether the log is another than the one that was known. */
  enter({ epoch, clock, lost = {} }: JoinedFrame): Divergence | undefined {
    this.#byClock = this.#halted = false
    this.#begun = true
    const was = this.seen.epoch
    const anyLost = Object.keys(lost).length > 0
    this.seen.epoch = epoch
    if (!anyLost && (!was || was === epoch || !clock)) return undefined
    this.#less = toVector(clock)
    this.seen.trim(this.#less)
    if (anyLost || this.own.saved.pending > 0) this.own.withheld = true
    return { was, is: epoch, lost }
  }

  /** Takes the next frame of the stream. */
  take(f: StreamFrame): void {
    if (this.#loading) this.#waiting.push(f)
    else if (f.type === "joined") this.#begin(f)
    else if (this.#halted) return
    else if (f.type === "ops") this.deliver(f.ops)
    else if (f.type === "snapshot") void this.#load(f.snapshot)
    else if (f.type === "ack" || f.type === "live") {
      if (f.type === "ack") this.#give((batch) => this.#takeAcked(f.actor, f.seq, batch))
      this.seen.offset = Math.max(this.seen.offset, f.offset)
      if (f.type === "live") this.#arrive()
      this.#options.copy?.moved()
    }
  }

  #begin(f: JoinedFrame): void {
    this.#proof = f.clock && toVector(f.clock)
    if (f.clock) this.seen.offset = 0
    // An application that takes no states takes what ops are held: nothing can be proven before the catch-up is over.
    const loose = !this.#options.snapshots && f.from > this.seen.offset && f.from + 1 === f.first
    this.seen.loose = loose
    if (f.snapshot) void this.#load(f.snapshot)
    else this.seen.offset = f.from
    if (!this.#options.hearsOps) this.#arrive()
  }

  /** Fetches a state and gives it to the application. What follows in the stream waits. */
  async #load(at: Snapshot): Promise<void> {
    this.#loading = true
    const waiting = this.#waiting
    const stale = () => this.#waiting !== waiting // another stay has begun
    const loaded = await this.#loadFrom(at, stale)
    if (stale()) return
    if (loaded !== at) {
      this.opsOnly = this.#byClock = true
      return this.#doc.rejoin()
    }
    this.#loading = false
    while (this.#waiting === waiting && !this.#loading) {
      const f = waiting.shift()
      if (!f) break
      this.take(f)
    }
    this.#doc.changed()
    this.#doc.connection.poke()
  }

  /** Gives the application a state, or an older one if it does not load. Returns which; undefined: none. */
  async #loadFrom(newest: Snapshot, stale: () => boolean): Promise<Snapshot | undefined> {
    const { snapshots, format, copy } = this.#options
    const { connection, name } = this.#doc
    let error: BatonError | undefined
    let at: Snapshot | undefined = newest
    for (let n = 0; snapshots && at && n < mostStates; n++) {
      const state: Snapshot = at
      try {
        const { blob, clock } = await snapshots.fetch(connection, state)
        if (stale()) return undefined
        give(snapshots, blob, state.format ?? format)
        this.seen.replace(clock)
        this.seen.offset = state.offset
        copy?.state(blob, state.format ?? format)
        if (state === newest) this.#unloaded = undefined
        return state
      } catch (cause) {
        if (stale()) return undefined
        error = this.#failed(`the stored state at ${state.offset} cannot be loaded`, cause, error)
        if (this.#unloaded?.passing) return undefined
      }
      try {
        at = await snapshots.older(connection, name, state)
      } catch (cause) {
        if (!stale()) this.#failed(`no state before ${state.offset} can be found`, cause, error)
        return undefined
      }
      if (stale()) return undefined
    }
    return undefined
  }

  /** Notes and tells that a state is not here. Returns what went wrong `first`: with the newest. */
  #failed(what: string, cause: unknown, first: BatonError | undefined): BatonError {
    const reason = cause instanceof BatonError ? cause.message : String(cause)
    const error = new BatonError("snapshot", `${what}: ${reason}`, cause)
    const passing = !(cause instanceof BatonError && final.has(cause.code))
    this.#unloaded = { error: first ?? error, passing }
    this.#doc.report(error)
    return first ?? error
  }

  /** Gives the application what was kept here, before the relay is asked for the rest. */
  async open(): Promise<void> {
    const { copy, snapshots } = this.#options
    const kept = await copy?.open(this)
    if (this.#begun) return copy?.abandon() // the storage was too slow
    if (!kept) return
    try {
      if (kept.blob) snapshots?.load(kept.blob, kept.format)
    } catch (cause) {
      const message = `this browser's copy cannot be loaded: ${cause}`
      this.#doc.report(new BatonError("snapshot", message, cause))
      return copy?.drop(true) // the relay has it all
    }
    const { epoch, offset, clock } = kept.place
    this.seen.epoch = epoch
    this.seen.offset = offset
    this.seen.replace(toVector(clock))
    this.ops.push(kept.ops)
  }

  /** Takes what is new of these ops, and of own ones of earlier pages what can follow. */
  deliver(entries: Entry[]): void {
    this.#give((batch) => {
      for (const e of entries) if (!this.#takeOp(e, batch)) break
      this.own.arrived()
      this.#takeAdopted(batch)
    })
  }

  /** Gives the application what a batch is filled with. */
  #give(fill: (batch: Op[]) => void): void {
    const batch: Op[] = []
    fill(batch)
    this.ops.push(batch)
    this.#options.copy?.add(this.#logged)
    this.#logged = []
  }

  #takeAdopted(batch: Op[]): void {
    const { writers } = this.own.outbox
    const some = [...writers.values()].some(({ actor, made }) => this.seen.get(actor) < made)
    for (let more = some && !this.seen.loose && !this.own.withheld; more; ) {
      more = false
      for (const op of this.own.outbox.ops) {
        if (op.seq !== this.seen.get(op.actor) + 1 || this.#fold(parse(op), batch).size > 0) continue
        more = true
      }
    }
  }

  /** Gives on the next op, if what it follows from is here. Returns what is not. */
  #fold(op: Op, batch: Op[]): Vector {
    const missing = this.seen.fold(op)
    if (missing.size === 0) batch.push(op)
    return missing
  }

  /** Takes one op of the log. It returns false if the stream cannot go on. */
  #takeOp(e: Entry, batch: Op[]): boolean {
    const mine = this.own.mine(e)
    if (mine === "stranger") {
      this.own.refuse(new BatonError("conflict", `the log has another op ${e.actor}:${e.seq}`), e)
      this.#halted = true
      return false
    }
    // What an op in the log names is in the log too.
    for (const [actor, seq] of Object.entries(e.clock)) if (!this.#takeAcked(actor, seq, batch)) return false
    if (mine === "pending" && !this.#takeAcked(e.actor, e.seq, batch)) return false
    if (e.seq > this.seen.get(e.actor) && !this.#takeLogged(e as Op, batch)) return false
    this.seen.offset = e.offset
    return true
  }

  /**
   * Takes an actor's ops up to `seq` as being in the log, if they are own ones. Those of earlier pages that the
   * application was not given must be so now. It returns false if the stream cannot go on.
   */
  #takeAcked(actor: string, seq: number, batch: Op[]): boolean {
    return this.own.acked(actor, seq).every((op) => this.#takeLogged(op, batch))
  }

  #takeLogged(op: Op, batch: Op[]): boolean {
    this.#logged.push(op)
    const missing = op.seq > this.seen.get(op.actor) ? this.#fold(op, batch) : new Map()
    if (missing.size > 0) this.#gap(`${op.actor}:${op.seq}`, missing)
    return missing.size === 0
  }

  #arrive(): void {
    const missing = this.#options.hearsOps && this.#proof ? this.seen.lacks(this.#proof) : new Map()
    this.#proof = undefined
    this.seen.loose = false
    if (missing.size > 0) return this.#gap("the end of the catch-up", missing)
    this.#gaps = this.#fetches = 0
    if (this.#unloaded) this.opsOnly = false // of another state
    this.#unloaded = undefined
    this.seen.live = true
    this.#doc.connection.alive()
  }

  /** Has the document sent again from what is here. What comes out the same a second time is final. */
  #gap(before: string, missing: Vector): void {
    if (this.#unloaded) return this.#withoutState(this.#unloaded)
    const what = [...missing].map(([actor, seq]) => `${actor}:${seq}`).join(", ")
    const error = new BatonError(
      "lost",
      `${before} came, but not ${what}: the relay, its log or this client is broken`,
    )
    this.#doc.report(error)
    if (this.#gaps++ > 0) return this.#doc.end(error)
    this.#byClock = true
    this.#doc.rejoin()
  }

  /** The ops that are held do not make up for the state that is not here: it is fetched again, or that is final. */
  #withoutState({ error, passing }: { error: BatonError; passing: boolean }): void {
    if (!passing) {
      const message = `${error.message}; the ops that it stands for are no longer held`
      return this.#doc.end(new BatonError("snapshot", message, error))
    }
    this.opsOnly = false
    this.#byClock = true
    this.#doc.rejoin(Math.min(refetchMost, refetch * 2 ** this.#fetches++))
  }
}

/** The codes of what goes wrong with a state and will go wrong again. */
const final = new Set(["damaged", "forbidden", "unauthorized"])

/** Has the application load a state. */
function give({ load }: SnapshotLoader, blob: Uint8Array, format: string): void {
  try {
    load(blob, format)
  } catch (cause) {
    throw new BatonError("damaged", String(cause), cause)
  }
}
