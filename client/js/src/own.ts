import { type Dot, fromVector, type Seen, toVector } from "./clock.ts"
import { BatonError } from "./errors.ts"
import type { Entry, Limits, RejectFrame } from "./frames.ts"
import { randomId } from "./ids.ts"
import type { Op } from "./opstream.ts"
import { Outbox, type Outgoing, utf8, type Writer } from "./outbox.ts"
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
export const patience = 250

/** A document's own ops, from the moment they are made until they are durable. */
export class OwnOps {
  readonly outbox = new Outbox()
  readonly saved = new Saved(this.outbox)
  /** While it is set, nothing is sent; ops go on being made and kept. */
  refusal: Refusal | undefined
  /** The log is another than the one that the ops were made for: a person decides whether they go there. */
  withheld = false
  #seen: Seen
  #writer: Writer | undefined
  #store: OutboxStore | undefined

  constructor(seen: Seen) {
    this.#seen = seen
  }

  /** Says where ops are kept from now on: those of this page move there. */
  keep(store: OutboxStore): void {
    const { writers, ops } = this.outbox
    for (const writer of writers.values()) {
      this.#store?.forget(writer.actor)
      writer.tab = store.tab
    }
    for (const op of ops) store.put(op, op.text, this.#seen.epoch, writers.get(op.actor)?.named)
    this.#store = store
  }

  /** Makes an op. Nothing of it is kept if it throws. */
  append(
    payload: unknown,
    as: OpName | undefined,
    ext: Record<string, unknown> | undefined,
    limits: Limits | undefined,
  ): Dot {
    const json = JSON.stringify(payload)
    if (json === undefined) throw new TypeError(`the payload is no JSON value: ${typeof payload}`)
    const writer = as ? this.#writerAs(as.actor, true) : this.writer()
    const op = { actor: writer.actor, seq: writer.made + 1 }
    if (as && as.seq !== op.seq)
      throw new RangeError(`op ${as.actor}:${as.seq} comes out of turn: ${op.seq} is next`)
    const clock = as?.clock ?? fromVector(this.#seen.name(op.actor, limits?.clock_entries ?? 0))
    const names = JSON.stringify(clock)
    const more = ext ? `,"ext":${JSON.stringify(ext)}` : ""
    const text = `{"actor":${JSON.stringify(op.actor)},"seq":${op.seq},"clock":${names},"payload":${json}${more}}`
    if (limits) {
      fits("the op", utf8(names + more + json), limits.op_bytes)
      fits("the op", utf8(text), limits.frame_bytes - frameRoom)
    }
    writer.ours = true
    this.outbox.add(writer, text)
    this.#seen.made(op)
    this.#store?.put(op, text, this.#seen.epoch, writer.named)
    return op
  }

  /** Whom to write as: the actor at hand, or one of an earlier page whose ops are all in the log, or a new one. */
  writer(): Writer {
    if (this.#writer && this.#usable(this.#writer)) return this.#writer
    for (const writer of this.#seen.live ? this.outbox.writers.values() : []) {
      const { actor, made, acked } = writer
      if (acked < made || writer.named || !this.#usable(writer)) continue
      const logged = this.#seen.get(actor)
      if (made <= logged) {
        writer.made = writer.acked = logged
        this.#writer = writer
        return writer
      }
      this.#giveUp(actor) // the log knows less of it: it is of a log that is no more
    }
    this.#writer = this.#writerAs(randomId())
    this.outbox.writers.set(this.#writer.actor, this.#writer)
    return this.#writer
  }

  #usable({ tab }: Writer): boolean {
    return this.#store?.holds(tab) ?? true
  }

  #writerAs(actor: string, named?: true): Writer {
    const seq = this.#seen.get(actor)
    const begun = { actor, made: seq, acked: seq, ours: false, named, tab: this.#store?.tab ?? "" }
    return this.outbox.writers.get(actor) ?? begun
  }

  #giveUp(actor: string): void {
    this.outbox.writers.delete(actor)
    this.#store?.forget(actor)
  }

  /** Takes an actor's ops up to `seq` as durable and returns them. */
  acked(actor: string, seq: number): Op[] {
    const ops = this.outbox.ack(actor, seq)
    if (!ops[0]) return []
    this.#store?.drop(ops[0], seq)
    this.arrived()
    return ops.map(parse)
  }

  /** Looks again whether the ops are there that own ones wait for. */
  arrived(): void {
    this.outbox.arrived((actor) =>
      Math.min(this.#seen.get(actor), this.outbox.writers.get(actor)?.acked ?? Infinity),
    )
  }

  /** What an op that the stream brought is to this side. */
  mine(e: Entry): "no" | "pending" | "stranger" {
    const writer = this.outbox.writers.get(e.actor)
    if (!writer || e.seq <= writer.acked) return "no"
    const op = this.outbox.find(e.actor, e.seq)
    if (!op) return writer.ours ? "stranger" : "no"
    const { payload, ext } = parse(op)
    const same = e.redacted || JSON.stringify([payload, ext]) === JSON.stringify([e.payload, e.ext])
    return same ? "pending" : "stranger"
  }

  /** Refuses an op that was made before the relay's limits were known, and whose frame would end the connection. */
  check(limits: Limits): void {
    const limit = limits.frame_bytes - frameRoom
    const op = this.outbox.ops.find(({ bytes }) => bytes > limit)
    if (op) this.refuse(tooLarge("the op", op.bytes, limit), op)
  }

  /** Does what the protocol's table of rejects says. */
  rejected(
    f: Pick<RejectFrame, "actor" | "seq" | "code" | "message" | "retry_ms" | "expected" | "missing">,
  ): void {
    const op = this.outbox.find(f.actor, f.seq)
    if (!op) return // of an actor that was given up, or answered already
    const now = Date.now()
    if (f.code === "rate_limited" || f.code === "unavailable") {
      this.outbox.wait(op, now + Math.max(f.retry_ms ?? 0, patience))
    } else if (f.code === "missing") {
      this.outbox.waitFor(toVector(f.missing), f.actor, now + missingWait)
      this.arrived()
    } else if (f.code !== "gap" || !this.outbox.gap(op, f.expected ?? 0)) {
      this.refuse(new BatonError(f.code, f.message), op)
    }
  }

  /** Sends nothing more, and keeps all that was made until {@link surrender}. */
  refuse(error: BatonError, op?: Dot): void {
    if (this.refusal) return
    this.refusal = { error, ...(op && { op: { actor: op.actor, seq: op.seq } }) }
    this.saved.fail(error)
  }

  /**
   * Gives up the actors of all ops that are not durable, and returns these in their order, but for one that nobody
   * would take: what is wanted of them is made again, in the same turn. `saved` promises nothing until it is mended.
   */
  surrender(): Op[] {
    const ops = this.outbox.ops.splice(0)
    for (const { actor, acked } of [...this.outbox.writers.values()]) {
      this.#seen.unmake(actor, acked + 1)
      this.#giveUp(actor)
    }
    const { error, op } = this.refusal ?? {}
    const hopeless = error?.code === "too_large" || error?.code === "invalid" ? op : undefined
    this.#writer = this.refusal = undefined
    this.withheld = false
    this.saved.fail(new BatonError("discarded", "the work was taken back unsaved"))
    return ops.filter((o) => o.actor !== hopeless?.actor || o.seq !== hopeless.seq).map(parse)
  }

  /** Ends it: the next tab may have the actors. */
  release(): void {
    for (const { actor, made, named } of this.outbox.writers.values())
      if (made > 0) this.#store?.release({ actor, made, named, epoch: this.#seen.epoch, tab: "" })
    this.#store = undefined
  }
}

/** Returns an own op as the application made it. */
export function parse({ text }: Outgoing): Op {
  return JSON.parse(text)
}

/** Throws if the relay would not take so much. */
export function fits(what: string, bytes: number, limit: number): void {
  if (bytes > limit) throw tooLarge(what, bytes, limit)
}

function tooLarge(what: string, bytes: number, limit: number): BatonError {
  return new BatonError("too_large", `${what} has ${bytes} bytes, and the relay takes ${limit}`)
}
