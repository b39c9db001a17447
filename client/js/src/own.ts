import { type Dot, fromVector, type Seen } from "./clock.ts"
import { BatonError } from "./errors.ts"
import type { Entry, Limits, RejectFrame } from "./frames.ts"
import { randomId } from "./ids.ts"
import { Outbox } from "./outbox.ts"
import { Outboxes, type Parsed, parse, utf8 } from "./outboxes.ts"
import type { OutboxStore } from "./outboxstore.ts"
import { Saved } from "./saved.ts"

/** A name that the application's format has given to its op already. */
export interface OpName extends Dot {
  clock?: Record<string, number>
}

/** An own op that will never be taken, and why. */
export interface Refusal {
  /** Left out where it is not about one op. */
  op?: Dot
  error: BatonError
}

/** How long an op that names ops which the log lacks waits for them, ms. */
const missingWait = 1000

/** What a frame of ops has beside them at most, bytes. */
export const frameRoom = 512

/** The least time before anything is tried again, ms. */
const patience = 250

/** A document's own ops, from the moment they are made until they are durable. */
export class OwnOps {
  readonly boxes = new Outboxes()
  readonly saved: Saved
  /** While it is set, nothing is sent; ops go on being made and kept. */
  refusal: Refusal | undefined
  /** The log is another than the one that the ops were made for: a person decides whether they go there. */
  withheld = false
  #seen: Seen
  #writer: Outbox | undefined
  #store: OutboxStore | undefined
  #changed: () => void

  constructor(seen: Seen, changed: () => void) {
    this.#seen = seen
    this.#changed = changed
    this.saved = new Saved(this.boxes)
  }

  /** Says where ops are kept from now on: those of this page move there. */
  keep(store: OutboxStore | undefined, epoch: string): void {
    for (const box of this.boxes.all.values()) {
      this.#store?.forget(box.actor)
      for (const op of box.ops) store?.put(box.actor, op.seq, op.text, epoch)
      box.tab = store?.tab ?? ""
    }
    this.#store = store
  }

  /** Makes an op. Nothing of it is kept if it throws. */
  append(
    payload: unknown,
    as: OpName | undefined,
    ext: Record<string, unknown> | undefined,
    limits: Limits | undefined,
    live: boolean,
    epoch: string,
  ): Dot {
    const text = JSON.stringify(payload)
    if (text === undefined) throw new TypeError(`the payload is no JSON value: ${typeof payload}`)
    const box = as ? this.#boxOf(as.actor) : this.writer(live)
    const op = { actor: box.actor, seq: box.made + 1 }
    if (as && as.seq !== op.seq)
      throw new RangeError(`op ${as.actor}:${as.seq} is not the next of its actor, which is ${op.seq}`)
    const clock = as?.clock ?? fromVector(this.#seen.name(op.actor, limits?.clock_entries ?? 0))
    const names = JSON.stringify(clock)
    const more = ext ? `,"ext":${JSON.stringify(ext)}` : ""
    const line = `{"actor":${JSON.stringify(op.actor)},"seq":${op.seq},"clock":${names},"payload":${text}${more}}`
    if (limits) {
      fits("the op", utf8(names + more + text), limits.op_bytes)
      fits("the op", utf8(line), limits.frame_bytes - frameRoom)
    }
    this.boxes.all.set(box.actor, box)
    this.boxes.add(box, op.seq, line)
    box.ours = true
    this.#seen.made(op)
    this.#store?.put(op.actor, op.seq, line, epoch)
    this.#changed()
    return op
  }

  /**
   * Returns the outbox to write in: the one at hand, or one of an earlier page whose ops are all in the log, or one of a
   * new actor.
   */
  writer(live: boolean): Outbox {
    if (this.#writer && this.#usable(this.#writer)) return this.#writer
    this.#writer = undefined
    for (const box of live ? this.boxes.all.values() : []) {
      if (box.ops.length > 0 || !this.#usable(box)) continue
      if (box.made <= this.#seen.get(box.actor)) {
        box.made = this.#seen.get(box.actor)
        this.#writer = box
        return box
      }
      this.#give(box) // the log knows less of it: it is of a log that is no more
    }
    this.#writer = new Outbox(randomId(), 0, this.#store?.tab ?? "")
    this.boxes.all.set(this.#writer.actor, this.#writer)
    return this.#writer
  }

  #usable(box: Outbox): boolean {
    return !this.#store || this.#store.holds(box.tab)
  }

  #boxOf(actor: string): Outbox {
    return this.boxes.all.get(actor) ?? new Outbox(actor, this.#seen.get(actor), this.#store?.tab ?? "")
  }

  #give(box: Outbox): void {
    this.boxes.all.delete(box.actor)
    this.#store?.forget(box.actor)
  }

  /** Takes an actor's ops up to `seq` as durable and returns them. */
  acked(actor: string, seq: number): Parsed[] {
    const ops = this.boxes.all.get(actor)?.ack(seq) ?? []
    if (!ops[0]) return []
    this.#store?.drop(actor, ops[0].seq, seq)
    this.arrived()
    this.#changed()
    return ops.map((op) => parse(op.text))
  }

  /** Looks again whether the ops are there that own ones wait for. */
  arrived(): void {
    for (const box of this.boxes.all.values()) box.arrived((actor) => this.#logged(actor))
  }

  #logged(actor: string): number {
    const seq = this.#seen.get(actor)
    return Math.min(seq, (this.boxes.all.get(actor)?.first ?? Infinity) - 1)
  }

  /** What an op that the stream brought is to this side. */
  mine(e: Entry): "no" | "pending" | "stranger" {
    const box = this.boxes.all.get(e.actor)
    if (!box || e.seq < box.first) return "no"
    const op = box.find(e.seq)
    if (!op) return box.ours ? "stranger" : "no"
    const { payload, ext } = parse(op.text)
    const same = e.redacted || (text(payload) === text(e.payload) && text(ext) === text(e.ext))
    return same ? "pending" : "stranger"
  }

  /** Refuses an op that was made before the relay's limits were known, and whose frame would end the connection. */
  check(limits: Limits): void {
    for (const { actor, ops } of this.boxes.all.values()) {
      for (const { seq, bytes } of ops) {
        if (bytes <= limits.frame_bytes - frameRoom) continue
        this.refuse("too_large", `the op has ${bytes} bytes, more than a frame of the relay`, { actor, seq })
      }
    }
  }

  /** Does what the protocol's table of rejects says. */
  rejected(
    f: Pick<RejectFrame, "actor" | "seq" | "code" | "message" | "retry_ms" | "expected" | "missing">,
    now: number,
  ): void {
    const box = this.boxes.all.get(f.actor)
    if (!box || f.seq < box.first) return // of an actor that was given up, or answered already
    switch (f.code) {
      case "rate_limited":
      case "unavailable":
        box.wait(f.seq, now + Math.max(f.retry_ms ?? 0, patience))
        break
      case "missing":
        box.wait(f.seq, now + missingWait, new Map(Object.entries(f.missing ?? {})))
        box.arrived((actor) => this.#logged(actor))
        break
      case "gap":
        if (!box.gap(f.seq, f.expected ?? 0)) this.refuse(f.code, f.message, f)
        break
      default:
        this.refuse(f.code, f.message, f)
    }
    this.#changed()
  }

  /** Sends nothing more, and keeps all that was made until {@link surrender}. */
  refuse(code: string, message: string, op?: Dot): void {
    if (this.refusal) return
    this.refusal = {
      error: new BatonError(code, message),
      ...(op && { op: { actor: op.actor, seq: op.seq } }),
    }
    this.saved.fail(this.refusal.error)
    this.#changed()
  }

  /**
   * Gives up the actors of all ops that are not durable, and returns these in their order, but for one that nobody
   * would take: what is wanted of them is made again, in the same turn.
   */
  surrender(): Parsed[] {
    const boxes = [...this.boxes.all.values()]
    const ops = this.boxes.surrender()
    for (const box of boxes) this.#store?.forget(box.actor)
    for (const op of [...ops].reverse()) this.#seen.unmake(op.actor, op.seq)
    const { error, op } = this.refusal ?? {}
    const hopeless = error?.code === "too_large" || error?.code === "invalid" ? op : undefined
    this.#writer = this.refusal = undefined
    this.withheld = false
    this.saved.mend()
    this.#changed()
    return ops.filter((o) => o.actor !== hopeless?.actor || o.seq !== hopeless.seq)
  }

  /** Ends it: the next tab may have the actors. */
  release(epoch: string): void {
    for (const { actor, made } of this.boxes.all.values())
      if (made > 0) this.#store?.release(actor, made, epoch)
    this.#store = undefined
  }
}

function text(value: unknown): string | undefined {
  return JSON.stringify(value)
}

/** Throws if the relay would not take so much. */
export function fits(what: string, bytes: number, limit: number): void {
  if (bytes > limit)
    throw new BatonError("too_large", `${what} has ${bytes} bytes, and the relay takes ${limit}`)
}
