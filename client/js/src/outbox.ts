import { type Dot, raise, type Vector } from "./clock.ts"
import type { Kept } from "./outboxstore.ts"

/** An own op that is not durable yet. */
export interface Outgoing extends Dot {
  /** The very text that is sent, again and again, and how many bytes it has in UTF-8. */
  text: string
  bytes: number
  /** When it was sent on this connection, ms. */
  at: number
}

/** Somebody this page writes as, or an earlier one did. */
export interface Writer {
  readonly actor: string
  /** The newest op's seq, and the newest one's that is durable; 0 before the first. */
  made: number
  acked: number
  /** Whether this page has written as the actor: then its newest op is known here. */
  ours: boolean
  /** Set where the application named the actor: others may write as it too, so that no page goes on as it by itself. */
  readonly named: true | undefined
  /** Which tab held the actor when this page came to it; empty where nothing is kept. */
  tab: string
}

/** Returns how many bytes a text has in UTF-8. */
export function utf8(s: string): number {
  return new TextEncoder().encode(s).length
}

/**
 * A document's own ops that were made and not acked, of however many actors. A plain structure: it decides what is to be
 * sent next, and sends nothing.
 */
export class Outbox {
  readonly writers = new Map<string, Writer>()
  /** In the order in which they are sent. Of each actor they are acked+1 … made. */
  ops: Outgoing[] = []

  // How far this connection is.
  /** How many of `ops` were sent. */
  sent = 0
  /** After a reject, the op that is sent alone until it is acked: what follows would only meet the same reject. */
  #probe: Outgoing | undefined
  /** Before this time (ms) nothing is sent, or before these ops are there, if that is earlier. */
  #notBefore = 0
  #missing: Vector | undefined

  /** When the oldest op went out that was sent and not answered, ms; Infinity if there is none. */
  get unanswered(): number {
    return this.sent > 0 ? (this.ops[0]?.at ?? Infinity) : Infinity
  }

  find(actor: string, seq: number): Outgoing | undefined {
    if (seq <= (this.writers.get(actor)?.acked ?? Infinity)) return undefined
    return this.ops.find((op) => op.actor === actor && op.seq === seq)
  }

  add(writer: Writer, text: string): void {
    this.writers.set(writer.actor, writer)
    this.ops.push({ actor: writer.actor, seq: ++writer.made, text, bytes: utf8(text), at: 0 })
  }

  /** Takes over what a dead tab left, to be sent first: what was made here may follow from it. */
  adopt({ actor, made, named, ops }: Kept, tab: string): void {
    const here = this.writers.get(actor)
    if (here) {
      here.tab = tab // it was this page's, which was asleep
      return
    }
    const acked = ops[0] ? ops[0].seq - 1 : made
    const writer: Writer = { actor, made: acked, acked, ours: false, named, tab }
    const later = this.ops.splice(0)
    for (const op of ops) if (op.seq === writer.made + 1) this.add(writer, op.text)
    this.writers.set(actor, writer)
    this.ops.push(...later)
    this.reset()
  }

  /** Begins again from the first op: on a new connection nothing was sent. */
  reset(): void {
    this.sent = this.#notBefore = 0
    this.#probe = this.#missing = undefined
  }

  /** Takes an actor's ops up to `seq` as durable and returns them. */
  ack(actor: string, seq: number): Outgoing[] {
    const writer = this.writers.get(actor)
    if (!writer || seq > writer.made) return []
    const acked: Outgoing[] = []
    const others: Outgoing[] = []
    const { sent } = this
    let at = 0
    while (writer.acked < seq) {
      const op = this.ops[at++] as Outgoing
      if (op.actor !== actor) {
        others.push(op)
        continue
      }
      if (at <= sent) this.sent--
      if (op === this.#probe) this.#probe = undefined
      acked.push(op)
      writer.acked = op.seq
    }
    this.ops.splice(0, at, ...others)
    return acked
  }

  /** Holds everything back from an op on, until a time. */
  wait(op: Outgoing, until: number): void {
    this.#rewind(op)
    this.#notBefore = until
  }

  /** Holds everything back until a time, or until the ops came that the log lacks. Others go first: those may be theirs. */
  waitFor(missing: Vector, actor: string, until: number): void {
    this.reset()
    this.ops.sort((a, b) => Number(a.actor === actor) - Number(b.actor === actor))
    this.#notBefore = until
    this.#missing = missing
  }

  /** Ends a wait for missing ops, if the log has them all now. */
  arrived(logged: (actor: string) => number): void {
    for (const [actor, seq] of this.#missing ?? []) if (logged(actor) < seq) return
    if (this.#missing) this.#notBefore = 0
    this.#missing = undefined
  }

  /**
   * Sends again from `expected`, after `op` was rejected for that. It returns false if this actor's log is not the one
   * that was written here.
   */
  gap({ actor, seq }: Outgoing, expected: number): boolean {
    const acked = this.writers.get(actor)?.acked ?? 0
    if (expected >= seq || (expected <= acked && seq === acked + 1)) return false
    // Said before what is acked by now, or of a frame that was sent before the rewind: nothing to do.
    const op = this.find(actor, expected)
    if (op && !(op === this.#probe && this.ops.indexOf(op) < this.sent)) this.#rewind(op)
    return true
  }

  #rewind(op: Outgoing): void {
    const at = this.ops.indexOf(op)
    if (at > this.sent) return // it comes again anyhow, after what is before it
    this.sent = at
    this.#probe = op
  }

  /** Takes the next ops to send as sent: at most `limit`, and `size` bytes unless it is one that has more. */
  take(now: number, limit: number, size: number): Outgoing[] {
    const ops: Outgoing[] = []
    for (let left = size; now >= this.#notBefore && ops.length < limit; this.sent++) {
      const op = this.ops[this.sent]
      if (!op || (this.#probe && op !== this.#probe) || (ops[0] && left < op.bytes)) break
      left -= op.bytes + 1 // a comma
      op.at = now
      ops.push(op)
    }
    return ops
  }

  /** When to look for ops again that wait for their time, ms; Infinity: when something happened. */
  again(now: number): number {
    return this.#notBefore > now && this.sent < this.ops.length ? this.#notBefore : Infinity
  }

  /** Returns what of a clock is durable. */
  logged(have: Vector): Vector {
    const logged: Vector = new Map()
    for (const [actor, seq] of have)
      raise(logged, actor, Math.min(seq, this.writers.get(actor)?.acked ?? Infinity))
    return logged
  }
}
