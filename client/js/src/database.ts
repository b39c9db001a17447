import { BatonError } from "./errors.ts"

/** The object stores, and what their keys are. */
export const stores = {
  /** [scope, doc, actor] → who writes as it, and how far it is. */
  actors: "actors",
  /** [scope, doc, actor, seq] → the text of an op that is not acked. */
  ops: "ops",
  /** tab → until when it is surely alive, Unix ms. Only where there are no Web Locks. */
  tabs: "tabs",
  /** url → the subject that the relay last named. */
  subjects: "subjects",
  /** [scope, doc] → the place of the local copy, and its snapshot. */
  copies: "copies",
  /** [scope, doc, n] → the ops behind that snapshot, in order. */
  tails: "tails",
} as const

/** A transaction over all stores, as a function from a store's name. */
export type Tx = (name: keyof typeof stores) => IDBObjectStore

/**
 * The page's IndexedDB. Writes return at once and are carried out in their order, those of one turn of the event loop
 * together. Once something fails (no storage allowed, disk full) it takes nothing more and says why.
 */
export class Database {
  #db: IDBDatabase | undefined
  #tx: Tx | undefined
  #waiting: ((db: IDBDatabase) => void)[] = []
  #failed: (error: BatonError) => void
  error: BatonError | undefined

  constructor(failed: (error: BatonError) => void) {
    this.#failed = failed
    try {
      const opening = indexedDB.open("baton", 1)
      opening.onupgradeneeded = () => {
        for (const name of Object.values(stores)) opening.result.createObjectStore(name)
      }
      opening.onerror = () => this.#fail(opening.error)
      opening.onsuccess = () => {
        const db = opening.result
        db.onversionchange = () => db.close()
        db.onclose = () => this.#fail("it was closed")
        this.#db = db
        for (const job of this.#waiting.splice(0)) this.#run(job)
      }
    } catch (error) {
      queueMicrotask(() => this.#fail(error)) // after the caller has this object
    }
  }

  /** Runs a job that only writes, in the transaction of this turn. It is on its way when this returns. */
  write(job: (tx: Tx) => void): void {
    this.#run((db) => {
      if (!this.#tx) {
        const { tx, transaction } = this.#begin(db)
        this.#tx = tx
        queueMicrotask(() => {
          this.#tx = undefined
          // Not left to the browser, which would ask this page first: it may be gone by then.
          transaction.commit()
        })
      }
      job(this.#tx)
    })
  }

  /** Runs a job whose result is that of its request. It rejects if there is no storage. */
  read<T>(job: (tx: Tx) => IDBRequest<T>): Promise<T> {
    let request: IDBRequest<T> | undefined
    return this.finish((tx) => {
      request = job(tx)
    }).then(() => request?.result as T)
  }

  /** Runs a job that goes on in its requests' events. It resolves when all of it is stored. */
  finish(job: (tx: Tx) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.error) return reject(this.error)
      this.#run((db) => {
        const { tx, transaction } = this.#begin(db)
        transaction.addEventListener("complete", () => resolve())
        transaction.addEventListener("abort", () => reject(transaction.error))
        job(tx)
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

  #begin(db: IDBDatabase): { tx: Tx; transaction: IDBTransaction } {
    const transaction = db.transaction(Object.values(stores), "readwrite")
    transaction.onabort = () => this.#fail(transaction.error ?? "a transaction was aborted")
    return { transaction, tx: (name) => transaction.objectStore(stores[name]) }
  }

  #fail(cause: unknown): void {
    if (this.error) return
    const why = cause instanceof Error ? cause.message : String(cause)
    this.error = new BatonError("storage", `the browser keeps nothing for this page: ${why}`, cause)
    this.#waiting = []
    this.#failed(this.error)
  }
}

/** Returns the range of all keys that begin with `parts`. */
export function under(...parts: IDBValidKey[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, []]) // an array sorts behind every string and number
}
