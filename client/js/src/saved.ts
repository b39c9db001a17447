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
  /** Those who wait while work is held that is no op yet; undefined while there is none. */
  #held: { resolve: (value: Promise<void>) => void; reject: (error: Error) => void }[] | undefined
  #pending = 0
  #error: Error | undefined

  /** @internal */
  constructor(outbox: Outbox) {
    super()
    this.#outbox = outbox
  }

  /** How many own ops are not durable yet. What a document had before the relay was reached counts as one. */
  get pending(): number {
    return this.#outbox.ops.length + (this.#held ? 1 : 0)
  }

  /**
   * Resolves when every op that was made before is durable. It rejects if one is refused or given up, and where nothing
   * will be saved: the status is `refused`, or the document was left.
   */
  all(): Promise<void> {
    if (this.#error) return Promise.reject(this.#error)
    if (this.pending === 0) return Promise.resolve()
    if (this.#held) return new Promise((resolve, reject) => this.#held?.push({ resolve, reject }))
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

  /** @internal There is work that becomes ops, as far as the relay lacks it, before {@link release}. */
  hold(): void {
    this.#held ??= []
    this.update()
  }

  /** @internal What was held is ops now. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const { resolve } of held) resolve(this.all())
    this.update()
  }

  /** @internal Nothing will be saved before {@link mend}. */
  fail(error: Error): void {
    this.#error = error
    for (const waiter of this.#held?.splice(0) ?? []) waiter.reject(error)
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** @internal */
  mend(): void {
    this.#error = undefined
  }
}
