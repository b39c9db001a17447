import { Emitter } from "./emitter.ts"
import type { Outboxes } from "./outboxes.ts"

interface Waiter {
  until: number
  resolve: () => void
  reject: (error: Error) => void
}

/** How much of a document's own work is durable at the relay: on its disk, not merely sent. */
export class Saved extends Emitter<{ change: number }> {
  #boxes: Outboxes
  #waiters: Waiter[] = []
  #pending = 0
  #error: Error | undefined

  /** @internal */
  constructor(boxes: Outboxes) {
    super()
    this.#boxes = boxes
  }

  /** How many own ops are not durable yet. */
  get pending(): number {
    return this.#boxes.pending
  }

  /** Resolves when every op that was made before is durable. It rejects if one is refused, or the document is left. */
  all(): Promise<void> {
    if (this.pending === 0) return Promise.resolve()
    if (this.#error) return Promise.reject(this.#error)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until: this.#boxes.next, resolve, reject })
    })
  }

  /** @internal */
  update(): void {
    const { oldest, pending } = this.#boxes
    for (const waiter of this.#waiters) if (waiter.until <= oldest) waiter.resolve()
    this.#waiters = this.#waiters.filter((waiter) => waiter.until > oldest)
    if (pending === this.#pending) return
    this.#pending = pending
    this.emit("change", pending)
  }

  /** @internal Nothing will be saved before {@link mend}. */
  fail(error: Error): void {
    this.#error = error
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** @internal */
  mend(): void {
    this.#error = undefined
  }
}
