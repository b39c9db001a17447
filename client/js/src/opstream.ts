import { guard } from "./emitter.ts"

/** An op, as the document's participants made it. */
export interface Op {
  actor: string
  seq: number
  /** What its author had seen of others, as far as that is not implied. */
  clock: Record<string, number>
  payload: unknown
  ext?: Record<string, unknown>
  /** Its place in the log; left out for an own op of an earlier page that is not in the log yet. */
  offset?: number
  /** When the relay took it, Unix ms. */
  at?: number
  /** Who the author's token said that it was. */
  by?: string
  /** Its payload was erased. */
  redacted?: boolean
}

/**
 * The ops of others, and own ones of earlier pages: each once, in batches, in an order in which each follows from those
 * before it. They wait for the first listener or iterator.
 */
export class OpStream implements AsyncIterable<Op[]> {
  /** @internal Called when the reader has come back for more, and there is none. */
  onTaken: (() => void) | undefined
  #waiting: Op[] = []
  #listeners = new Set<(batch: Op[]) => void>()
  #wake: (() => void) | undefined
  /** The reader has a batch, and has not come back for the next. */
  #reading = false
  #ended = false

  /** Calls `listener` with each batch, until the returned function is called. */
  on(listener: (batch: Op[]) => void): () => void {
    this.#listeners.add(listener)
    const batch = this.#waiting.splice(0)
    if (batch.length > 0) guard(() => listener(batch))
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** @internal Whether somebody has dealt with all there was. */
  get taken(): boolean {
    return this.#waiting.length === 0 && !this.#reading
  }

  /** Yields all that came since the last batch, until the document is left. It is for one reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Op[], void, undefined> {
    for (;;) {
      this.#reading = this.#waiting.length > 0
      if (this.#reading) yield this.#waiting.splice(0)
      else if (this.#ended) return
      else {
        const more = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.onTaken?.()
        await more
      }
    }
  }

  /** @internal */
  push(batch: Op[]): void {
    if (batch.length === 0) return
    if (this.#listeners.size === 0) for (const op of batch) this.#waiting.push(op)
    for (const listener of this.#listeners) guard(() => listener(batch))
    this.#wake?.()
  }

  /** @internal */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }
}
