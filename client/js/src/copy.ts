import { type Database, under, when } from "./database.ts"
import type { Place } from "./inflow.ts"
import type { Op } from "./opstream.ts"
import { tabOf } from "./tab.ts"

/** What a page finds of a document. */
export interface Copied extends Head {
  /** A state to begin with, if one was saved. */
  blob?: Uint8Array
  /** What came after it. */
  ops: Op[]
}

interface Head {
  /** How far the relay's log was in it. */
  place: Place
  /** What the state is, as a format's name. */
  format: string
  /** The tab that writes it; empty: none. */
  tab: string
}

/** Whom the copy is of. */
interface Original {
  readonly place: Place
  /** Whether the application has just what is in the log up to there. */
  readonly settled: boolean
}

/** After how many ops they are replaced by a state: ms after the last of them, and at the latest. */
const tailLength = 256
const quiet = 1000
const longest = 5000

/** How long the place may lag behind acks, ms: what it lacks would come again. */
const settling = 100

/**
 * Keeps a copy of a document in the browser, so that it opens at once, also offline, and only what is new comes over
 * the wire: pass it to {@link JoinOptions.copy}, one for each document. Where the connection has a token, it needs
 * {@link ConnectOptions.subject} too, to know whose copy it is before the relay says so.
 *
 * It is a state, and the ops after it, of what is in the relay's log; what is not is in the outbox. `save` makes a state
 * of what the application has, so that the ops need not pile up; `snapshots` loads it. Left out: all ops are kept. Bindings bring their own.
 */
export function localCopy(save?: () => { blob: Uint8Array; format: string }): LocalCopy {
  return new LocalCopy(save)
}

/** A document's copy. One tab writes it, while all may read it when they open the document. */
export class LocalCopy {
  /** Left out: there is no state, only ops. */
  save: (() => { blob: Uint8Array; format: string }) | undefined
  #db: Database | undefined
  #key: [scope: string, doc: string] = ["", ""]
  #original: Original | undefined
  #format = ""
  /** The number of the next op; undefined: another tab writes the copy. */
  #next: number | undefined
  #first = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /** By when the ops have to be replaced, Unix ms; 0: there are few. */
  #due = 0
  #moving: ReturnType<typeof setTimeout> | undefined

  /** @internal Use {@link localCopy}. */
  constructor(save: LocalCopy["save"]) {
    this.save = save
  }

  /** @internal */
  bind(db: Database, scope: string, doc: string): void {
    this.#db = db
    this.#key = [scope, doc]
  }

  /** @internal Returns what is kept, and takes over the writing if no living tab does it. */
  async open(original: Original): Promise<Copied | undefined> {
    const db = this.#db
    if (!db) return undefined
    this.#original = original
    try {
      const tab = tabOf(db)
      await tab.ready
      const seen = await db.read<Head | undefined>((tx) => tx("copies").get(this.#key))
      const free = !seen || (await tab.dead([seen.tab])).length > 0
      const kept = await this.#read(db, free && (seen?.tab ?? ""), tab.id)
      this.#format = kept?.format ?? ""
      return kept
    } catch {
      return undefined // the relay has it all
    }
  }

  /** Reads it all in one transaction, and takes it over from a tab that is dead, unless another was quicker. */
  async #read(db: Database, dead: string | false, tab: string): Promise<Copied | undefined> {
    let head: Head | undefined
    let blob: Uint8Array | undefined
    let ops: Op[] = []
    await db.finish((tx) => {
      when(tx("copies").get([...this.#key, "state"]), (state) => {
        blob = state
      })
      when(tx("tails").getAll(under(...this.#key)), (tail) => {
        ops = tail
      })
      when(tx("tails").getAllKeys(under(...this.#key)), (keys) => {
        const last = (keys.at(-1) as [string, string, number] | undefined)?.[2] ?? 0
        when<Head | undefined>(tx("copies").get(this.#key), (now) => {
          head = now
          if (dead === false || (now?.tab ?? "") !== dead) return
          const begun: Head = { place: nowhere, format: "", ...now, tab }
          tx("copies").put(begun, this.#key)
          this.#next = last + 1
          this.#first = last + 1 - ops.length
        })
      })
    })
    return head && { ...head, ...(blob && { blob }), ops }
  }

  /** @internal Adds ops of the log, which the application was just given or has made. */
  add(ops: Op[]): void {
    if (this.#next === undefined || ops.length === 0) return
    const at = this.#next
    this.#next += ops.length
    this.#db?.write((tx) => {
      for (const [i, op] of ops.entries()) tx("tails").put(op, [...this.#key, at + i])
    })
    this.#head()
    if (this.save && this.#next - this.#first >= tailLength) this.#later()
  }

  #later(): void {
    const now = Date.now()
    this.#due ||= now + longest
    clearTimeout(this.#timer)
    if (now >= this.#due && this.#original?.settled) return this.#renew()
    this.#timer = setTimeout(() => this.#renew(), Math.max(settling, Math.min(quiet, this.#due - now)))
  }

  /** @internal Notes that the place has moved, if no more is to come just now. */
  moved(): void {
    if (this.#next === undefined) return
    clearTimeout(this.#moving)
    this.#moving = setTimeout(() => this.#head(), settling)
  }

  #renew(): void {
    if (this.#next === undefined || !this.#original) return
    if (!this.#original.settled) return this.#later() // the copy is of what is in the log
    const state = this.save?.()
    if (state) this.state(state.blob, state.format)
  }

  /** @internal Puts a state in the place of all there is. */
  state(blob: Uint8Array, format: string): void {
    if (this.#next === undefined) return
    const first = this.#first
    const next = this.#next
    this.#first = next
    this.#due = 0
    this.#format = format
    this.#db?.write((tx) => {
      tx("copies").put(blob, [...this.#key, "state"])
      // Not all that may be there: the browser steps over each that was deleted before.
      tx("tails").delete(IDBKeyRange.bound([...this.#key, first], [...this.#key, next]))
    })
    this.#head()
  }

  #head(tab?: string): void {
    if (!this.#db || !this.#original) return
    const { place } = this.#original
    const head: Head = { place, format: this.#format, tab: tab ?? tabOf(this.#db).id }
    this.#db.write((tx) => tx("copies").put(head, this.#key))
  }

  /**
   * @internal Forgets it. What comes after is not kept, for it follows from what is gone, unless the application begins
   * `anew` with nothing.
   */
  drop(anew: boolean): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#moving)
    if (this.#next === undefined) return
    this.#next = anew ? 1 : undefined
    this.#first = 1
    this.#due = 0
    this.#db?.write((tx) => {
      tx("copies").delete(this.#key)
      tx("copies").delete([...this.#key, "state"])
      tx("tails").delete(under(...this.#key))
    })
  }

  /** @internal Leaves it as it is, to the tab after this one. */
  abandon(): void {
    this.#next = undefined
  }

  /** @internal Lets another tab write it. */
  release(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#moving)
    if (this.#next !== undefined) this.#head("")
    this.#next = undefined
  }
}

const nowhere: Place = { epoch: "", offset: 0, clock: {} }
