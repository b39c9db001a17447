// What this browser knows of a board's threads: how far each was read, and which notes its user wrote. It is kept in the
// browser, where there is storage, and shared by its tabs.

import { type Thread, threadsMost } from "./threads.ts"

/** How many own notes are known; earlier ones cannot be edited any more. */
const mineMost = 500

interface Kept {
  /** By thread: the newest note that was seen, and how many there were. The last that was read is the last here. */
  seen: Record<string, [newest: string, count: number]>
  mine: string[]
}

export class Marks {
  #key: string
  #kept: Kept
  #off: () => void

  /** `changed` is called when another tab has read or written. */
  constructor(document: string, changed: () => void) {
    this.#key = `baton.comments.${document}`
    this.#kept = this.#load()
    const stored = (event: StorageEvent) => {
      if (event.key !== this.#key) return
      this.#kept = this.#load()
      changed()
    }
    addEventListener("storage", stored)
    this.#off = () => removeEventListener("storage", stored)
  }

  /**
   * Whether there is something in a thread that was not read. A note that was written offline may come late and sort
   * before what was read: then there are more than there were.
   */
  unread(thread: Thread): boolean {
    const [newest, count] = this.#of(thread.id) ?? ["", 0]
    return thread.count > count || (thread.notes.at(-1)?.id ?? "") > newest
  }

  /** Says that the user has a thread before them. */
  read(thread: Thread): void {
    const newest = thread.notes.at(-1)?.id ?? ""
    const before = this.#of(thread.id)
    if (before?.[0] === newest && before[1] === thread.count) return
    const { [thread.id]: _, ...others } = this.#kept.seen
    const seen = Object.entries(others).slice(1 - threadsMost)
    this.#keep({ ...this.#kept, seen: { ...Object.fromEntries(seen), [thread.id]: [newest, thread.count] } })
  }

  isMine(note: string): boolean {
    return this.#kept.mine.includes(note)
  }

  wrote(note: string): void {
    this.#keep({ ...this.#kept, mine: [...this.#kept.mine, note].slice(-mineMost) })
  }

  close(): void {
    this.#off()
  }

  #of(thread: string): Kept["seen"][string] | undefined {
    return Object.hasOwn(this.#kept.seen, thread) ? this.#kept.seen[thread] : undefined
  }

  #keep(kept: Kept): void {
    this.#kept = kept
    try {
      localStorage.setItem(this.#key, JSON.stringify(kept))
    } catch {
      // It holds for this page.
    }
  }

  #load(): Kept {
    try {
      const { seen, mine } = JSON.parse(localStorage.getItem(this.#key) ?? "{}")
      const good = Object.entries(seen ?? {}).filter(
        ([, mark]) => Array.isArray(mark) && typeof mark[0] === "string" && typeof mark[1] === "number",
      )
      return {
        seen: Object.fromEntries(good) as Kept["seen"],
        mine: Array.isArray(mine) ? mine.map(String) : [],
      }
    } catch {
      return { seen: {}, mine: [] }
    }
  }
}
