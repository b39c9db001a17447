import { BatonError } from "./errors.ts"

/** The object stores, and what their keys are. */
const stores = [
  /** [scope, doc, actor] → who writes as it, and how far it is. */
  "actors",
  /** [scope, doc, actor, seq] → the text of an op that is not acked. */
  "ops",
  /** tab → until when it is surely alive, Unix ms. Only where there are no Web Locks. */
  "tabs",
  /** url → the subject that the relay last named. */
  "subjects",
  /** [scope, doc] → the place of the local copy, and its snapshot. */
  "copies",
  /** [scope, doc, n] → the ops behind that snapshot, in order. */
  "tails",
] as const

/** A transaction over all stores, as a function from a store's name. */
export type Tx = (name: (typeof stores)[number]) => IDBObjectStore

/** How many transactions of writes may be on their way. What is written meanwhile becomes one. */
const mostFlying = 16

/**
 * The page's IndexedDB. Writes return at once and are carried out in their order, those of one turn of the event loop
 * together, and of more turns where the browser is slower than the page. Once something fails (no storage allowed, disk full) it takes nothing more and says why.
 */
export class Database {
  #db: IDBDatabase | undefined
  #jobs: ((tx: Tx) => void)[] = []
  #flying = 0
  #waiting: ((db: IDBDatabase) => void)[] = []
  #failed: () => void
  error: BatonError | undefined

  constructor(failed: () => void) {
    this.#failed = failed
    globalThis.addEventListener?.("pagehide", () => this.#flush(Infinity))
    try {
      const opening = indexedDB.open("baton", 1)
      opening.onupgradeneeded = () => {
        for (const name of stores) opening.result.createObjectStore(name)
      }
      opening.onerror = () => this.#fail(opening.error)
      when(opening, (db) => {
        db.onversionchange = () => db.close()
        db.onclose = () => this.#fail("it was closed")
        this.#db = db
        for (const job of this.#waiting.splice(0)) this.#run(job)
      })
    } catch (error) {
      queueMicrotask(() => this.#fail(error)) // after the caller has this object
    }
  }

  /** Runs a job that only writes, at the end of this turn unless too much is on its way. */
  write(job: (tx: Tx) => void): void {
    if (!this.error && this.#jobs.push(job) === 1) queueMicrotask(() => this.#flush())
  }

  #flush(most = mostFlying): void {
    if (this.#flying >= most || !this.#jobs[0]) return
    this.#run((db) => {
      const transaction = this.#begin(db)
      this.#flying++
      transaction.oncomplete = () => {
        this.#flying--
        this.#flush()
      }
      for (const job of this.#jobs.splice(0)) job((name) => transaction.objectStore(name))
      // Not left to the browser, which would ask this page first: it may be gone by then.
      transaction.commit()
    })
  }

  /** Runs a job whose result is that of its request. It rejects if there is no storage. */
  async read<T>(job: (tx: Tx) => IDBRequest<T>): Promise<T> {
    let request: IDBRequest<T> | undefined
    await this.finish((tx) => {
      request = job(tx)
    })
    return request?.result as T
  }

  /** Runs a job that goes on in its requests' events. It resolves when all of it is stored. */
  finish(job: (tx: Tx) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#flush(Infinity)
      if (this.error) return reject(this.error)
      this.#run((db) => {
        const transaction = this.#begin(db)
        transaction.oncomplete = () => resolve()
        transaction.addEventListener("abort", () => reject(transaction.error))
        job((name) => transaction.objectStore(name))
      })
    })
  }

  #run(job: (db: IDBDatabase) => void): void {
    if (this.error) return
    if (!this.#db) {
      this.#waiting.push(job)
      return
    }
    try {
      job(this.#db)
    } catch (error) {
      this.#fail(error)
    }
  }

  #begin(db: IDBDatabase): IDBTransaction {
    const transaction = db.transaction(stores, "readwrite")
    transaction.onabort = () => this.#fail(transaction.error ?? "a transaction was aborted")
    return transaction
  }

  #fail(cause: unknown): void {
    if (this.error) return
    const why = cause instanceof Error ? cause.message : cause
    this.error = new BatonError("storage", `the browser keeps nothing for this page: ${why}`, cause)
    this.#waiting = []
    this.#jobs = []
    this.#failed()
  }
}

/** Goes on with a request's result. */
export function when<T>(request: IDBRequest<T>, go: (result: T) => void): void {
  request.onsuccess = () => go(request.result)
}

/** Returns the range of all keys that begin with `parts`. */
export function under(...parts: IDBValidKey[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]) // an array sorts behind every string and number
}
