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
 * together, and of more turns where the browser is slower than the page. Once something fails (no storage allowed, disk
 * full) it takes nothing more and says why.
 */
export class Database {
  error: BatonError | undefined
  #failed: () => void
  #open: Promise<IDBDatabase>
  #jobs: ((tx: Tx) => void)[] = []
  #flying = 0

  constructor(failed: () => void) {
    this.#failed = failed
    this.#open = new Promise((resolve, reject) => {
      const opening = indexedDB.open("baton", 1)
      opening.onupgradeneeded = () => {
        for (const name of stores) opening.result.createObjectStore(name)
      }
      opening.onerror = () => reject(opening.error)
      when(opening, (db) => {
        db.onversionchange = () => db.close()
        db.onclose = () => this.#fail("it was closed")
        resolve(db)
      })
    })
    this.#open.catch((error) => this.#fail(error))
  }

  /** Runs a job that only writes, at the end of this turn unless too much is on its way. */
  write(job: (tx: Tx) => void): void {
    if (!this.error && this.#jobs.push(job) === 1) this.#flush()
  }

  async #flush(): Promise<void> {
    for (; this.#jobs[0] && this.#flying < mostFlying; this.#flying--) {
      this.#flying++
      await this.finish((tx, transaction) => {
        for (const job of this.#jobs.splice(0)) job(tx)
        // Not left to the browser, which would ask this page first: it may be gone by then.
        transaction.commit()
      }).catch(() => {})
    }
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
  async finish(job: (tx: Tx, transaction: IDBTransaction) => void): Promise<void> {
    const db = await this.#open
    if (this.error) throw this.error
    try {
      await new Promise<void>((resolve, reject) => {
        const transaction = db.transaction(stores, "readwrite")
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error ?? "a transaction was aborted")
        job((name) => transaction.objectStore(name), transaction)
      })
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  #fail(cause: unknown): void {
    if (this.error) return
    const why = cause instanceof Error ? cause.message : cause
    this.error = new BatonError("storage", `the browser keeps nothing for this page: ${why}`, cause)
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
