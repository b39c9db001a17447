import { Emitter } from "./emitter.ts"
import type { Participant, ServerPresenceFrame } from "./frames.ts"

export interface PresenceEvents {
  /** Who came, changed or went, by session; null: gone. */
  change: Map<string, Participant | null>
}

/** Who else is in a document, and what they show: the newest only. */
export class Presence extends Emitter<PresenceEvents> {
  #others = new Map<string, Participant>()
  #state: Record<string, unknown> | null = null
  #text = "null"
  #unsent = false
  #sentAt = 0
  #whole = true
  #poke: () => void
  #fits: (text: string) => void

  /** @internal */
  constructor(poke: () => void, fits: (text: string) => void) {
    super()
    this.#poke = poke
    this.#fits = fits
  }

  /** The other participants by session. It is replaced by each change, never changed itself. */
  get others(): ReadonlyMap<string, Participant> {
    return this.#others
  }

  get state(): Record<string, unknown> | null {
    return this.#state
  }

  /**
   * Shows a state to the others in place of the last; null takes it away. It may be set as often as one likes: the
   * newest goes out, as often as the relay takes it, and again after a cut. One that is larger than the relay takes
   * throws.
   */
  set(state: Record<string, unknown> | null): void {
    const text = JSON.stringify(state)
    this.#fits(text)
    this.#text = text
    this.#state = state
    this.#unsent = true
    this.#poke()
  }

  /** @internal Sends what is new, if it may. Returns when to ask again, ms; Infinity: after a change. */
  pump(now: number, hz: number, send: (state: string) => void): number {
    if (!this.#unsent) return Infinity
    const at = this.#sentAt + 1000 / (hz || 20)
    if (at > now) return at
    this.#unsent = false
    this.#sentAt = now
    send(this.#text)
    return Infinity
  }

  /** @internal On a new stay the relay knows no state, and its first frame is the whole room. */
  restart(): void {
    this.#unsent = this.#state !== null
    this.#sentAt = 0
    this.#whole = true
  }

  /** @internal */
  apply(states: ServerPresenceFrame["states"], own: string): void {
    const changed = new Map<string, Participant | null>(Object.entries(states))
    changed.delete(own)
    const others = new Map(this.#others)
    if (this.#whole)
      for (const session of others.keys()) if (!changed.has(session)) changed.set(session, null)
    this.#whole = false
    for (const [session, participant] of changed) {
      if (participant) others.set(session, participant)
      else if (!others.delete(session)) changed.delete(session)
    }
    this.#others = others
    if (changed.size > 0) this.emit("change", changed)
  }

  /** @internal While there is no connection nobody is there. */
  clear(): void {
    const gone = new Map([...this.#others.keys()].map((session) => [session, null] as const))
    this.#others = new Map()
    this.#whole = true
    if (gone.size > 0) this.emit("change", gone)
  }
}
