import type { Dot } from "./clock.ts"
import { type Database, type Tx, under, when } from "./database.ts"
import { type Tab, tabOf } from "./tab.ts"

/** How far an actor is, as it is stored. */
interface Held {
  actor: string
  /** The newest op's seq. */
  made: number
  /** Of the log that its ops were made for; empty where that did not exist yet. */
  epoch: string
  /** The tab that writes as this actor; empty: none. */
  tab: string
  /** Set where the application named it. */
  named: true | undefined
}

/** What a tab that died left of one actor. */
export interface Kept extends Held {
  /** Those that were not acked, oldest first. */
  ops: { seq: number; text: string }[]
}

/**
 * One document's outbox in the browser's storage, of one relay and subject. A tab writes only as actors that it holds,
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
    return this.#tab.valid && this.tab === tab
  }

  get tab(): string {
    return this.#tab.id
  }

  get ready(): Promise<unknown> {
    return this.#tab.ready
  }

  /** Takes over from dead tabs. `others` tells that living ones write this document too. */
  async take(): Promise<{ kept: Kept[]; others: boolean }> {
    await this.ready
    const held = await this.#db.read<Held[]>((tx) => tx("actors").getAll(under(...this.#key)))
    const tabs = [...new Set(held.map((h) => h.tab))].filter((tab) => tab !== this.tab)
    const dead = await this.#tab.dead(tabs)
    const kept: Kept[] = []
    await this.#db.finish((tx) => {
      for (const { actor, tab } of held) {
        if (dead.includes(tab)) this.#takeActor(tx, actor, dead, kept)
      }
      for (const tab of dead) tx("tabs").delete(tab)
    })
    return { kept, others: tabs.length > dead.length }
  }

  #takeActor(tx: Tx, actor: string, dead: string[], kept: Kept[]): void {
    when<Held | undefined>(tx("actors").get([...this.#key, actor]), (held) => {
      if (!held || !dead.includes(held.tab)) return // another was quicker
      this.#put(tx, { ...held, tab: this.tab })
      when(tx("ops").getAll(under(...this.#key, actor)), (ops) => {
        kept.push({ ...held, ops })
      })
    })
  }

  #put(tx: Tx, held: Held): void {
    tx("actors").put(held, [...this.#key, held.actor])
  }

  /** Notes an op, and with it that this tab writes as its actor. */
  put({ actor, seq }: Dot, text: string, epoch: string, named: true | undefined): void {
    this.#db.write((tx) => {
      this.#put(tx, { actor, made: seq, epoch, tab: this.tab, named })
      tx("ops").put({ seq, text }, [...this.#key, actor, seq])
    })
  }

  /** Forgets an actor's ops from the given one up to `seq`: they are durable elsewhere. */
  drop({ actor, seq: from }: Dot, seq: number): void {
    const range = IDBKeyRange.bound([...this.#key, actor, from], [...this.#key, actor, seq])
    this.#db.write((tx) => tx("ops").delete(range))
  }

  /** Lets the next tab have an actor. */
  release(held: Held): void {
    this.#db.write((tx) => this.#put(tx, held))
  }

  /** Forgets an actor that must not be used again, and its ops. */
  forget(actor: string): void {
    this.#db.write((tx) => {
      tx("actors").delete([...this.#key, actor])
      tx("ops").delete(under(...this.#key, actor))
    })
  }
}
