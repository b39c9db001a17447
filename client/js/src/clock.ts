/** Of each actor, the highest seq: everything up to it. A Map, since `constructor` is a legal actor. */
export type Vector = Map<string, number>

/** An op's name. */
export interface Dot {
  actor: string
  seq: number
}

export function toVector(clock: Record<string, number> | undefined): Vector {
  return new Map(Object.entries(clock ?? {}))
}

export function fromVector(v: Iterable<[string, number]>): Record<string, number> {
  return Object.fromEntries(v)
}

export function raise(v: Vector, actor: string, seq: number): void {
  if ((v.get(actor) ?? 0) < seq) v.set(actor, seq)
}

/**
 * What the application has of a document, and which of those ops its next own op must name. It folds ops in the order
 * in which they are delivered, which proves from their clocks alone that none is missing.
 */
export class Seen {
  /** The log that it is of, and up to where; empty and 0: of none yet. */
  epoch = ""
  offset = 0
  /** Whether all is here that was written before. */
  live = false
  /** Every op that the application was given or has made. */
  have: Vector
  /** Of them, those that no other op implies. Naming them names all. */
  heads: Vector
  /** Ops are gone without a snapshot in their place: until the catch-up is over nothing can be proven. */
  loose = false

  constructor(have: Vector, heads: Vector) {
    this.have = have
    this.heads = new Map(heads.size > 0 ? heads : have)
  }

  get(actor: string): number {
    return this.have.get(actor) ?? 0
  }

  /** Takes the next op. It returns what should have come before; if that is not empty, nothing changed. */
  fold(op: Dot & { clock: Record<string, number> }): Vector {
    const clock = Object.entries(op.clock)
    const missing = this.lacks([...clock, [op.actor, op.seq - 1]])
    if (missing.size > 0) return missing
    this.have.set(op.actor, op.seq)
    for (const [actor, seq] of clock) if ((this.heads.get(actor) ?? 0) <= seq) this.heads.delete(actor)
    this.heads.set(op.actor, op.seq)
    return missing
  }

  /** Returns what of a clock is not here, though it should be. */
  lacks(clock: Iterable<[string, number]>): Vector {
    const missing: Vector = new Map()
    for (const [actor, seq] of clock) if (this.get(actor) < seq) raise(missing, actor, seq)
    if (!this.loose) return missing
    for (const [actor, seq] of missing) this.have.set(actor, seq)
    return new Map()
  }

  /** Takes a state that stands in for the ops of `clock`. */
  replace(clock: Vector): void {
    for (const [actor, seq] of clock) {
      if (this.get(actor) >= seq) continue
      this.have.set(actor, seq)
      this.heads.set(actor, seq)
    }
  }

  /** Takes an actor's ops from `seq` on as never made. The next own op names everything. */
  unmake(actor: string, seq: number): void {
    if (this.get(actor) < seq) return
    this.have.set(actor, seq - 1)
    if (seq === 1) this.have.delete(actor)
    this.heads = new Map(this.have)
  }

  /** Takes nothing as seen, of no log. */
  forget(): void {
    this.have = new Map()
    this.heads = new Map()
    this.offset = 0
    this.epoch = ""
  }

  /** Makes sure that no op names what a log with this clock lacks. */
  trim(clock: Vector): void {
    for (const [actor, seq] of this.heads) {
      const held = clock.get(actor)
      if (held === undefined) this.heads.delete(actor)
      else if (held < seq) this.heads.set(actor, held)
    }
  }

  /** Returns what the next op of `actor` names, at most `limit` entries (0: no limit). What is left out came before all the same. */
  name(actor: string, limit: number): Vector {
    const names = [...this.heads].filter(([head]) => head !== actor)
    return new Map(limit > 0 ? names.slice(0, limit) : names)
  }

  /** Takes an own op as made: it implies all there was. */
  made(op: Dot): void {
    this.have.set(op.actor, op.seq)
    this.heads = new Map([[op.actor, op.seq]])
  }
}
