import { type Database, type Tx, under } from "./database.ts"
import { type Tab, tabOf } from "./tab.ts"

/** What a tab that died left of one actor. */
export interface Kept {
  actor: string
  made: number
  /** Of the log that its ops were made for; empty where that did not exist yet. */
  epoch: string
  /** Those that were not acked, oldest first. */
  ops: { seq: number; text: string }[]
}

interface Held {
  made: number
  epoch: string
  /** The tab that writes as this actor; empty: none. */
  tab: string
}

/**
 * One document's outboxes in the browser's storage, of one relay and subject. A tab writes only as actors that it holds,
 * and no two hold the same; those of dead tabs are taken over.
 */
export class OutboxStore {
  #db: Database
  #tab: Tab
  #key: [scope: string, doc: string]

  constructor(db: Database, scope: string, doc: string) {
    this.#db = db
    this.#tab = tabOf(db)
    this.#key = [scope, doc]
  }

  /** Whether this tab still holds its actors; `tab` is who it was when it took them. */
  holds(tab: string): boolean {
    return this.#tab.valid && this.#tab.id === tab
  }

  get tab(): string {
    return this.#tab.id
  }

  ready(): Promise<unknown> {
    return this.#tab.ready()
  }

  /** Takes over from dead tabs. `others` tells that living ones write this document too. */
  async take(): Promise<{ kept: Kept[]; others: boolean }> {
    await this.#tab.ready()
    const keys = await this.#db.read((tx) => tx("actors").getAllKeys(under(...this.#key)))
    const held = await this.#db.read<Held[]>((tx) => tx("actors").getAll(under(...this.#key)))
    const tabs = [...new Set(held.map((h) => h.tab))].filter((tab) => tab !== this.tab)
    const dead = new Set(await this.#tab.dead(tabs))
    const kept: Kept[] = []
    await this.#db.finish((tx) => {
      for (const [i, key] of keys.entries()) {
        if (dead.has(held[i]?.tab ?? "")) this.#takeActor(tx, (key as string[])[2] ?? "", dead, kept)
      }
      for (const tab of dead) tx("tabs").delete(tab)
    })
    return { kept, others: tabs.length > dead.size }
  }

  #takeActor(tx: Tx, actor: string, dead: Set<string>, kept: Kept[]): void {
    const reading = tx("actors").get([...this.#key, actor])
    reading.onsuccess = () => {
      const held: Held | undefined = reading.result
      if (!held || !dead.has(held.tab)) return // another was quicker
      tx("actors").put({ ...held, tab: this.tab }, [...this.#key, actor])
      const { made, epoch } = held
      const entry: Kept = { actor, made, epoch, ops: [] }
      kept.push(entry)
      const texts = tx("ops").getAll(under(...this.#key, actor))
      texts.onsuccess = () => {
        for (const op of texts.result) {
          entry.ops.push(op)
          entry.made = Math.max(entry.made, op.seq)
        }
      }
    }
  }

  /** Notes an op, and with it that this tab writes as its actor. */
  put(actor: string, seq: number, text: string, epoch: string): void {
    this.#db.write((tx) => {
      tx("actors").put({ made: seq, epoch, tab: this.tab } satisfies Held, [...this.#key, actor])
      tx("ops").put({ seq, text }, [...this.#key, actor, seq])
    })
  }

  /** Forgets an actor's ops from `from` to `to`: they are durable elsewhere. */
  drop(actor: string, from: number, to: number): void {
    const range = IDBKeyRange.bound([...this.#key, actor, from], [...this.#key, actor, to])
    this.#db.write((tx) => tx("ops").delete(range))
  }

  /** Lets the next tab have an actor. */
  release(actor: string, made: number, epoch: string): void {
    this.#db.write((tx) => tx("actors").put({ made, epoch, tab: "" } satisfies Held, [...this.#key, actor]))
  }

  /** Forgets an actor that must not be used again, and its ops. */
  forget(actor: string): void {
    this.#db.write((tx) => {
      tx("actors").delete([...this.#key, actor])
      tx("ops").delete(under(...this.#key, actor))
    })
  }
}
