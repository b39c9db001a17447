import { type Database, when } from "./database.ts"
import { randomId } from "./ids.ts"

const lease = 10_000 // ms
const renewal = 3_000

/**
 * This page among the tabs of its origin: which of them are alive. Where there are Web Locks a tab holds one as long as
 * it lives. Elsewhere (pages that did not come over https) it renews a lease in IndexedDB; one that was put to sleep
 * and lost it goes on under another id, so that an id that was dead once stays dead.
 */
export class Tab {
  id = randomId()
  #db: Database
  #until = 0 // ms; when the lease ends, 0 before there is one
  /** Resolves when other tabs see that this one lives. */
  readonly ready: Promise<unknown>

  constructor(db: Database) {
    this.#db = db
    if (globalThis.navigator?.locks) {
      this.#until = Infinity
      this.ready = new Promise<void>((held) => {
        void navigator.locks.request(lockOf(this.id), () => {
          held()
          return new Promise(() => {}) // for as long as the page lives
        })
      })
      return
    }
    this.ready = this.#renew()
    setInterval(() => this.#renew(), renewal)
    globalThis.addEventListener?.("visibilitychange", () => this.#renew())
    globalThis.addEventListener?.("pagehide", () => {
      this.#until = 1 // in the past
      this.#db.write((tx) => tx("tabs").delete(this.id)) // the next page need not wait
    })
  }

  /** Whether this tab is surely alive to others: only then it may write as the actors that it holds. */
  get valid(): boolean {
    return Date.now() < this.#until
  }

  /** Returns those of `ids` that are dead for good. */
  async dead(ids: string[]): Promise<string[]> {
    if (this.#until === Infinity) {
      const { held = [] } = await navigator.locks.query()
      return ids.filter((id) => !held.some(({ name }) => name === lockOf(id)))
    }
    const now = Date.now()
    const until = await Promise.all(ids.map((id) => this.#db.read((tx) => tx("tabs").get(id))))
    return ids.filter((_, i) => !(until[i] > now))
  }

  /** Moves the end of the lease on. Whoever takes over from a tab deletes its entry: then this one needs another id. */
  async #renew(): Promise<void> {
    const until = Date.now() + lease
    try {
      await this.#db.read((tx) => {
        const entry = tx("tabs").count(this.id)
        when(entry, (there) => {
          if (!there && this.#until > 0) this.id = randomId()
          tx("tabs").put(until, this.id)
        })
        return entry
      })
      this.#until = until
    } catch {
      this.#until = Infinity // nothing is kept, so nobody takes over
    }
  }
}

const tabs = new WeakMap<Database, Tab>()

/** Returns this page's tab in a database. */
export function tabOf(db: Database): Tab {
  const tab = tabs.get(db) ?? new Tab(db)
  tabs.set(db, tab)
  return tab
}

function lockOf(id: string): string {
  return `baton-tab-${id}`
}
