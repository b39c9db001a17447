import { Emitter } from "./emitter.ts"
import type { Outbox } from "./outbox.ts"

interface Waiter {
  until: [writer: { acked: number }, seq: number][]
  resolve: () => void
  reject: (error: Error) => void
}

/** How much of a document's own work is durable at the relay: on its disk, not merely sent. */
export class Saved extends Emitter<{ change: number }> {
  #outbox: Outbox
  #waiters: Waiter[] = []
  #pending = 0
  #error: Error | undefined

  /** @internal */
  constructor(outbox: Outbox) {
    super()
    this.#outbox = outbox
  }

  /** How many own ops are not durable yet. */
  get pending(): number {
    return this.#outbox.ops.length
  }

  /**
   * Resolves when every op that was made before is durable. It rejects if one is refused or given up, and where nothing
   * will be saved: the status is `refused`, or the document was left.
   */
  all(): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    if (this.pending === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const until = [...this.#outbox.writers.values()].map((w) => [w, w.made] as [typeof w, number])
      this.#waiters.push({ until, resolve, reject })
    })
  }

  /** @internal */
  update(): void {
    this.#waiters = this.#waiters.filter(({ until, resolve }) => {
      const open = until.some(([writer, seq]) => writer.acked < seq)
      if (!open) resolve()
      return open
    })
    const { pending } = this
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
