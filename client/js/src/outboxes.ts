import { type Dot, raise, type Vector } from "./clock.ts"
import { Outbox, type Outgoing } from "./outbox.ts"
import type { Kept } from "./outboxstore.ts"

/** An op as its text says it. */
export interface Parsed extends Dot {
  clock: Record<string, number>
  payload: unknown
  ext?: Record<string, unknown>
}

/** Returns how many bytes a text has in UTF-8. */
export function utf8(s: string): number {
  return new TextEncoder().encode(s).length
}

export function parse(text: string): Parsed {
  return JSON.parse(text)
}

/** All own ops of a document that are not durable, of however many actors. */
export class Outboxes {
  readonly all = new Map<string, Outbox>()
  #order = 0

  /** How many ops are not durable. */
  get pending(): number {
    let n = 0
    for (const box of this.all.values()) n += box.ops.length
    return n
  }

  /** The number that the next op made gets among all own ops. */
  get next(): number {
    return this.#order
  }

  /** The number of the oldest op that is not durable; Infinity if all are. */
  get oldest(): number {
    return Math.min(...[...this.all.values()].map((box) => box.ops[0]?.order ?? Infinity))
  }

  /** When the oldest op went out that was sent and not answered, ms; Infinity if there is none. */
  get unanswered(): number {
    return Math.min(...[...this.all.values()].map((box) => box.ops[0]?.at || Infinity))
  }

  /** How many ops wait for their answer on this connection. */
  get open(): number {
    let n = 0
    for (const box of this.all.values()) n += box.sent
    return n
  }

  add(box: Outbox, seq: number, text: string): void {
    box.add({ seq, text, bytes: utf8(text), order: this.#order++, at: 0 })
  }

  /** Takes over what a dead tab left. */
  adopt(kept: Kept, tab: string): void {
    const here = this.all.get(kept.actor)
    if (here) {
      here.tab = tab // it was this page's, which was asleep
      return
    }
    const box = new Outbox(kept.actor, kept.ops[0] ? kept.ops[0].seq - 1 : kept.made, tab)
    this.all.set(kept.actor, box)
    for (const op of kept.ops) if (op.seq === box.made + 1) this.add(box, op.seq, op.text)
  }

  reset(): void {
    for (const box of this.all.values()) box.reset()
  }

  /** Takes the next ops to send as sent: of one actor, at most `limit`, and `size` bytes unless it is one that has more. */
  take(now: number, limit: number, size: number): { actor: string; ops: Outgoing[] } | undefined {
    const ops: Outgoing[] = []
    const first = this.#lowest(now)
    for (let box = first, left = size; box && box === first && ops.length < limit; box = this.#lowest(now)) {
      const op = box.peek(now)
      if (!op || (ops.length > 0 && left < op.bytes)) break
      left -= op.bytes + 1 // a comma
      ops.push(op)
      box.take(now)
    }
    return first && ops.length > 0 ? { actor: first.actor, ops } : undefined
  }

  /** Returns the outbox whose next op was made first. */
  #lowest(now: number): Outbox | undefined {
    let lowest: Outbox | undefined
    let order = Infinity
    for (const box of this.all.values()) {
      const op = box.peek(now)
      if (!op || op.order >= order) continue
      lowest = box
      order = op.order
    }
    return lowest
  }

  /** When to look for ops again that wait for their time, ms; Infinity: when something happened. */
  again(now: number): number {
    return Math.min(...[...this.all.values()].map((box) => box.again(now) || Infinity))
  }

  /** Empties all outboxes, and returns the ops that were in them in the order they were made. */
  surrender(): Parsed[] {
    const ops = [...this.all.values()].flatMap((box) => box.ops.splice(0))
    this.all.clear()
    return ops.sort((a, b) => a.order - b.order).map((op) => parse(op.text))
  }

  /** Leaves out of a clock what is not durable. */
  logged(have: Vector): Vector {
    const logged: Vector = new Map()
    for (const [actor, seq] of have) {
      const first = this.all.get(actor)?.first ?? Infinity
      raise(logged, actor, Math.min(seq, first - 1))
    }
    return logged
  }
}
