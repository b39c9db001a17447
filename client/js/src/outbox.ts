import type { Vector } from "./clock.ts"

/** An own op that is not durable yet. */
export interface Outgoing {
  seq: number
  /** Where it stands among all own ops of the document: they are sent in this order. */
  order: number
  /** The very text that is sent, again and again, and how many bytes it has in UTF-8. */
  text: string
  bytes: number
  /** When it was sent on this connection, ms; 0: not yet. */
  at: number
}

/**
 * The ops of one actor that were made and not acked. A plain structure: it decides what is to be sent next, and sends
 * nothing.
 */
export class Outbox {
  readonly actor: string
  /** The newest op's seq, 0 before the first. */
  made: number
  /** Whether this page has written as the actor: then its newest op is known here. */
  ours = false
  /** Which tab held the actor when this outbox was begun; empty where nothing is kept. */
  tab: string
  /** made−ops.length+1 … made */
  ops: Outgoing[] = []

  // How far this connection is.
  /** How many of `ops` were sent. */
  sent = 0
  /** After a reject, the seq that is sent alone until it is acked; else 0. What follows would only meet the same reject. */
  #probe = 0
  /** Before this time (ms) nothing is sent, or before these ops are there, if that is earlier. */
  #notBefore = 0
  #missing: Vector | undefined

  constructor(actor: string, made: number, tab: string) {
    this.actor = actor
    this.made = made
    this.tab = tab
  }

  /** The oldest seq that is not acked, or the next to be made. */
  get first(): number {
    return this.made + 1 - this.ops.length
  }

  find(seq: number): Outgoing | undefined {
    return this.ops[seq - this.first]
  }

  add(op: Outgoing): void {
    this.made = op.seq
    this.ops.push(op)
  }

  /** Begins again from the first op: on a new connection nothing was sent. */
  reset(): void {
    this.sent = this.#probe = this.#notBefore = 0
    this.#missing = undefined
    for (const op of this.ops) op.at = 0
  }

  /** Takes ops up to `seq` as durable and returns them. */
  ack(seq: number): Outgoing[] {
    if (seq < this.first || seq > this.made) return []
    const acked = this.ops.splice(0, seq - this.first + 1)
    this.sent = Math.max(0, this.sent - acked.length)
    if (seq >= this.#probe) this.#probe = 0
    return acked
  }

  /** Holds everything back from `seq` on, until a time or until the missing ops came. */
  wait(seq: number, until: number, missing?: Vector): void {
    this.#rewind(seq)
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
   * Sends again from `expected`, after `seq` was rejected for that. It returns false if this actor's log is not the one
   * that was written here.
   */
  gap(seq: number, expected: number): boolean {
    if (expected >= seq || (expected < this.first && seq === this.first)) return false
    // Said before what is acked by now, or of a frame that was sent before the rewind: nothing to do.
    if (expected >= this.first && !(this.#probe === expected && this.#probed)) this.#rewind(expected)
    return true
  }

  /** Returns the op that would be sent now, or undefined. */
  peek(now: number): Outgoing | undefined {
    return now < this.#notBefore || this.#probed ? undefined : this.ops[this.sent]
  }

  /** Takes that op as sent. */
  take(now: number): void {
    const op = this.ops[this.sent++]
    if (op) op.at = now
  }

  /** When to look again, ms; 0: when something happened. */
  again(now: number): number {
    return this.#notBefore > now && this.sent < this.ops.length ? this.#notBefore : 0
  }

  get #probed(): boolean {
    return this.#probe > 0 && this.sent > this.#probe - this.first
  }

  #rewind(seq: number): void {
    if (seq < this.first || seq > this.made) return
    this.sent = Math.min(this.sent, seq - this.first)
    this.#probe = seq
  }
}
