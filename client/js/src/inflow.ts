import { type Dot, fromVector, Seen, toVector, type Vector } from "./clock.ts"
import type { LocalCopy } from "./copy.ts"
import { BatonError } from "./errors.ts"
import type { AckFrame, Entry, JoinedFrame, Limits, ServerFrame, Snapshot } from "./frames.ts"
import { type Op, OpStream } from "./opstream.ts"
import { type Parsed, parse } from "./outboxes.ts"
import { type OpName, OwnOps } from "./own.ts"
import type { Request, SnapshotLoader } from "./snapshot.ts"

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

/** The document that a stream is of. */
export interface Host {
  request: Request
  /** Something has changed that a person may see. */
  changed(): void
  /** All is here that was written before. */
  arrived(): void
  problem(error: BatonError): void
  /** The document must be entered anew, from where the stream has come. */
  rejoin(): void
  /** It cannot go on. */
  end(error: BatonError): void
}

export interface InflowOptions {
  since: Place | undefined
  format: string
  hearsOps: boolean
  snapshots: SnapshotLoader | undefined
  copy: LocalCopy | undefined
}

type StreamFrame = Extract<ServerFrame, { type: "joined" | "ops" | "live" | "ack" | "snapshot" }>

/**
 * What the application has of a document. It takes the relay's stream in its order, gives on each op once, and proves
 * from clocks alone that none is missing.
 */
export class Inflow {
  readonly ops = new OpStream()
  readonly own: OwnOps
  /** Whether all is here that was written before. */
  live = false
  /** Whether the relay's stored states are no use here. */
  opsOnly: boolean
  #host: Host
  #options: InflowOptions
  #seen: Seen
  #epoch: string
  #offset: number
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
  // Frames that wait for a snapshot to be loaded. A new stay begins a new list.
  #waiting: StreamFrame[] = []
  #loading = false

  constructor(host: Host, options: InflowOptions) {
    const { since } = options
    this.#host = host
    this.#options = options
    this.#seen = new Seen(toVector(since?.clock), toVector(since?.heads))
    this.#epoch = since?.epoch ?? ""
    this.#offset = since?.offset ?? 0
    this.opsOnly = !options.snapshots
    this.own = new OwnOps(this.#seen, () => host.changed())
  }

  get epoch(): string {
    return this.#epoch
  }

  /** How far the application has come. Own ops that are not durable are left out. */
  get place(): Place {
    const { have, heads } = this.#seen
    const logged = this.own.boxes.logged(have)
    return {
      epoch: this.#epoch,
      offset: this.#offset,
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

  has(actor: string, seq: number): boolean {
    return this.#seen.get(actor) >= seq
  }

  /** Makes an op: see {@link OwnOps.append}. */
  append(
    payload: unknown,
    as: OpName | undefined,
    ext: Record<string, unknown> | undefined,
    limits: Limits | undefined,
  ): Dot {
    return this.own.append(payload, as, ext, limits, this.live, this.#epoch)
  }

  /** Whether the application has taken all it was given, and has nothing that is not in the log. */
  get settled(): boolean {
    return this.ops.taken && this.own.saved.pending === 0
  }

  /** A stay has ended: what was not taken comes again. */
  cut(): void {
    this.live = this.#loading = false
    this.#waiting = []
    this.own.boxes.reset()
  }

  /** Begins again from nothing. */
  restart(): void {
    this.#seen.have = new Map()
    this.#seen.heads = new Map()
    this.#offset = 0
    this.#epoch = ""
    this.#less = undefined
    this.again(true)
  }

  /** Begins again from what is here, but for what the log was found to lack. */
  again(anew = false): void {
    for (const [actor, seq] of this.#less ? [...this.#seen.have] : []) {
      const held = this.#less?.get(actor) ?? 0
      if (held < seq) this.#seen.unmake(actor, held + 1)
    }
    this.#less = undefined
    this.#byClock = true
    this.opsOnly = !this.#options.snapshots
    this.#options.copy?.drop(anew)
  }

  /** Enters a stay. Returns whether the log is another than the one that was known. */
  enter(f: JoinedFrame): Divergence | undefined {
    this.#byClock = this.#halted = false
    this.#begun = true
    const { lost = {} } = f
    const was = this.#epoch
    const anyLost = Object.keys(lost).length > 0
    const differs = anyLost || (was !== "" && was !== f.epoch && f.clock !== undefined)
    if (differs) {
      this.#less = toVector(f.clock)
      this.#seen.trim(this.#less)
      if (anyLost || this.own.saved.pending > 0) this.own.withheld = true
    }
    this.#epoch = f.epoch
    return differs ? { was, is: f.epoch, lost } : undefined
  }

  /** Takes the next frame of the stream. */
  take(f: StreamFrame): void {
    if (this.#loading) this.#waiting.push(f)
    else this.#flow(f)
  }

  #flow(f: StreamFrame): void {
    if (f.type === "joined") this.#begin(f)
    else if (this.#halted) return
    else if (f.type === "ops") this.deliver(f.ops)
    else if (f.type === "ack") this.#acked(f)
    else if (f.type === "snapshot") void this.#load(f.snapshot)
    else this.#arrive(f.offset)
  }

  #begin(f: JoinedFrame): void {
    this.#proof = f.clock && toVector(f.clock)
    if (f.clock) this.#offset = 0
    // Where ops are gone and no blob stands in for them, nothing can be proven before the catch-up is over.
    this.#seen.loose = !f.snapshot && f.from > this.#offset && f.from + 1 === f.first
    if (f.snapshot) void this.#load(f.snapshot)
    else this.#offset = f.from
    if (!this.#options.hearsOps) this.#arrive(f.from)
  }

  /** Fetches a state and gives it to the application. What follows in the stream waits. */
  async #load(at: Snapshot): Promise<void> {
    this.#loading = true
    const waiting = this.#waiting
    try {
      const { snapshots, format, copy } = this.#options
      if (!snapshots) throw new TypeError("nobody here loads it")
      const { blob, clock } = await snapshots.fetch(this.#host.request, at)
      if (this.#waiting !== waiting) return // another stay has begun
      snapshots.load(blob, at.format ?? format)
      this.#seen.replace(clock)
      this.#offset = at.offset
      copy?.state(blob, at.format ?? format)
    } catch (error) {
      if (this.#waiting !== waiting) return
      this.opsOnly = this.#byClock = true
      this.#host.problem(new BatonError("snapshot", `the stored state cannot be loaded: ${error}`, error))
      return this.#host.rejoin()
    }
    this.#loading = false
    for (let f = waiting.shift(); f; f = waiting.shift()) {
      this.#flow(f)
      if (this.#waiting !== waiting || this.#loading) return
    }
  }

  /** Gives the application what was kept here, before the relay is asked for the rest. */
  async open(): Promise<void> {
    const { copy, snapshots } = this.#options
    const kept = await copy?.open(this)
    if (this.#begun) return copy?.abandon() // the storage was too slow
    if (!kept) return
    if (kept.blob) snapshots?.load(kept.blob, kept.format)
    const { epoch, offset, clock } = kept.place
    this.#epoch = epoch
    this.#offset = offset
    this.#seen.replace(toVector(clock))
    this.ops.push(kept.ops)
  }

  /** Takes what is new of these ops, and of own ones of earlier pages what can follow. */
  deliver(entries: Entry[]): void {
    const batch: Op[] = []
    for (const e of entries) {
      if (!this.#takeOp(e, batch)) break
    }
    this.own.arrived()
    this.#takeAdopted(batch)
    this.#give(batch)
  }

  #takeAdopted(batch: Op[]): void {
    for (let more = !this.#seen.loose && !this.own.withheld; more; ) {
      more = false
      for (const box of this.own.boxes.all.values()) {
        for (let op = box.find(this.#seen.get(box.actor) + 1); op; op = box.find(op.seq + 1)) {
          if (!this.#fold(parse(op.text), batch)) break
          more = true
        }
      }
    }
  }

  #give(batch: Op[]): void {
    this.ops.push(batch)
    this.#options.copy?.add(this.#logged)
    this.#logged = []
  }

  #fold(op: Op | Parsed, batch: Op[]): boolean {
    const missing = this.#seen.fold({ ...op, clock: toVector(op.clock) })
    if (missing.size === 0) batch.push(op)
    return missing.size === 0
  }

  /** Takes one op of the log. It returns false if the stream cannot go on. */
  #takeOp(e: Entry, batch: Op[]): boolean {
    const mine = this.own.mine(e)
    if (mine === "stranger") {
      this.own.refuse("conflict", `the log has another op ${e.actor}:${e.seq}`, e)
      this.#halted = true
      return false
    }
    if (mine === "pending" && !this.#takeAcked(e.actor, e.seq, batch)) return false
    // What an op in the log names is in the log too.
    for (const [actor, seq] of Object.entries(e.clock)) if (!this.#takeAcked(actor, seq, batch)) return false
    if (e.seq > this.#seen.get(e.actor)) {
      const missing = this.#seen.fold({ ...e, clock: toVector(e.clock) })
      if (missing.size > 0) {
        this.#gap(`${e.actor}:${e.seq}`, missing)
        return false
      }
      batch.push(e as Op)
      this.#logged.push(e as Op)
    }
    this.#offset = e.offset
    return true
  }

  /**
   * Takes an actor's ops up to `seq` as being in the log, if they are own ones. Those of earlier pages that the
   * application was not given must be so now. It returns false if the stream cannot go on.
   */
  #takeAcked(actor: string, seq: number, batch: Op[]): boolean {
    for (const op of this.own.acked(actor, seq)) {
      this.#logged.push(op)
      if (this.has(op.actor, op.seq) || this.#fold(op, batch)) continue
      this.#gap(`${op.actor}:${op.seq}`, toVector(op.clock))
      return false
    }
    return true
  }

  #acked(f: AckFrame): void {
    const batch: Op[] = []
    this.#takeAcked(f.actor, f.seq, batch)
    this.#offset = Math.max(this.#offset, f.offset)
    this.#give(batch)
    this.#options.copy?.moved()
  }

  #arrive(offset: number): void {
    this.#offset = Math.max(this.#offset, offset)
    const missing = this.#options.hearsOps && this.#proof ? this.#seen.lacks(this.#proof) : new Map()
    this.#proof = undefined
    this.#seen.loose = false
    if (missing.size > 0) return this.#gap("the end of the catch-up", missing)
    this.#gaps = 0
    this.live = true
    this.#options.copy?.moved()
    this.#host.arrived()
  }

  /** Has the document sent again from what is here. What comes out the same a second time is final. */
  #gap(before: string, missing: Vector): void {
    const what = [...missing].map(([actor, seq]) => `${actor}:${seq}`).join(", ")
    const error = new BatonError(
      "lost",
      `${before} came, but not ${what}: the relay, its log or this client is broken`,
    )
    this.#host.problem(error)
    if (this.#gaps++ > 0) return this.#host.end(error)
    this.#byClock = true
    this.#host.rejoin()
  }
}
