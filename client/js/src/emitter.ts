/** Calls listeners by event name. One that throws is reported, and harms neither the others nor the sender. */
export class Emitter<Events> {
  #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** Calls `listener` on each such event, until the returned function is called. */
  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): () => void {
    const all = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, all.add(listener))
    return () => this.off(event, listener)
  }

  off<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): void {
    this.#listeners.get(event)?.delete(listener)
  }

  protected emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      guard(() => (listener as (value: Events[K]) => void)(value))
    }
  }
}

/** An emitter that has a status: one object, until something in it is another. */
export class Standing<S extends object, Events = unknown> extends Emitter<Events & { status: S }> {
  #status: S

  constructor(status: S) {
    super()
    this.#status = status
  }

  get status(): S {
    return this.#status
  }

  protected show(status: S): void {
    const keys = Object.keys(status) as (keyof S)[]
    if (keys.every((key) => status[key] === this.#status[key])) return
    this.#status = status
    this.emit("status", status as (Events & { status: S })["status"])
  }
}

/** Runs what an application gave. What it throws shows up as an uncaught error, and goes no further. */
export function guard(call: () => void): void {
  try {
    call()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
