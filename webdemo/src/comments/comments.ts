// The comments of a board, and what the page shows of them: which thread is open, whether one is being pinned, the list.

import { useSyncExternalStore } from "react"
import { sign } from "../binding/author.ts"
import type { Board } from "../binding/schema.ts"
import { useAtDesk } from "../board/atdesk.ts"
import type { Desk } from "../board/canvas.tsx"
import { lookAt, onScreen } from "../board/viewport.ts"
import { idAfter } from "./ids.ts"
import { Marks } from "./marks.ts"
import { readThreads, type Thread } from "./threads.ts"
import * as write from "./write.ts"

export interface Place {
  x: number
  y: number
}

/** What there is to show. It is replaced when it changes. */
export interface View {
  /** Oldest first. */
  threads: Thread[]
  /** Those in which something was not read, by id. */
  unread: ReadonlySet<string>
  /** The thread that is open, by id, or the place of one that has no note yet. */
  open: string | Place | undefined
  /** Whether the next click on the canvas pins a thread. */
  placing: boolean
  /** Which threads are listed; undefined: the list is closed. */
  list: "open" | "resolved" | undefined
  /** Whether this session may write. */
  writable: boolean
}

/** Whether threads and the list come from the bottom, as their style sheets have it. */
export function isNarrow(): boolean {
  return matchMedia("(max-width: 600px)").matches
}

/** What they leave of the canvas then, as a part of its height. */
const sheetTop = 0.35

export class Comments {
  readonly desk: Desk
  #view: View
  #marks: Marks
  /** What was typed and not sent, by thread; "": in a new one. */
  #drafts = new Map<string, string>()
  #listeners = new Set<() => void>()
  #off: (() => void)[]

  constructor(desk: Desk) {
    this.desk = desk
    const { board } = desk.session
    this.#marks = new Marks(board.document.name, () => this.#refresh())
    this.#view = {
      threads: [],
      unread: new Set(),
      open: undefined,
      placing: false,
      list: undefined,
      writable: true,
    }
    const visible = () => this.#refresh()
    addEventListener("visibilitychange", visible)
    this.#off = [
      board.on("change", ({ patches, source }) => {
        if (source === "rebuilt" || patches.some(({ path }) => path[0] === "comments")) this.#refresh()
      }),
      board.document.on("status", () => this.#refresh()),
      () => removeEventListener("visibilitychange", visible),
      () => this.#marks.close(),
    ]
    this.#refresh()
  }

  get view(): View {
    return this.#view
  }

  /** For useSyncExternalStore. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    for (const off of this.#off) off()
  }

  // What is shown.

  /** Has the next click on the canvas pin a thread, or no longer. */
  place(placing: boolean): void {
    if (placing && !this.#view.writable) return
    this.#refresh({ placing, ...(placing && { open: undefined }) })
  }

  open(thread: string | Place | undefined): void {
    this.#refresh({ open: thread, placing: false })
    const { api } = this.desk
    const { open, threads } = this.#view
    const place = typeof open === "string" ? threads.find(({ id }) => id === open) : open
    if (!place || !isNarrow()) return
    const { width, height } = api.getAppState()
    const { x, y } = onScreen(api, place)
    if (y > height * sheetTop) lookAt(api, place, [x / width, sheetTop]) // else it lies under the thread
  }

  /** Goes to where a thread is pinned, and opens it. */
  goTo(thread: Thread): void {
    const narrow = isNarrow()
    const { company, api } = this.desk
    if (company.gathering.following !== undefined) company.follow(undefined)
    lookAt(api, thread, narrow ? [0.5, sheetTop] : [0.4, 0.5])
    this.#refresh({ open: thread.id, placing: false, ...(narrow && { list: undefined }) })
  }

  showList(list: View["list"]): void {
    this.#refresh({ list })
  }

  draftOf(thread: string): string {
    return this.#drafts.get(thread) ?? ""
  }

  setDraft(thread: string, text: string): void {
    this.#drafts.set(thread, text)
  }

  /** Whether this browser's user wrote a note, and may change it. */
  mayEdit(note: string): boolean {
    return this.#view.writable && this.#marks.isMine(note)
  }

  // What is written. Each returns whether it was; if not, the user is told.

  /** Writes into the thread that is open: the first note pins it. */
  say(text: string): boolean {
    const { open } = this.#view
    if (open === undefined || text.trim() === "") return false
    const thread = typeof open === "string" ? open : idAfter()
    let note = ""
    const done = this.#change((d) => {
      const written = write.noteOf(text.trim(), this.desk.company.author)
      note =
        typeof open === "string" ? write.reply(d, thread, written) : write.begin(d, thread, open, written)
    })
    if (!done) return false
    this.#marks.wrote(note)
    this.#drafts.delete(typeof open === "string" ? thread : "")
    this.#refresh({ open: thread })
    return true
  }

  rewrite(thread: string, note: string, text: string): boolean {
    return text.trim() !== "" && this.#change((d) => write.rewrite(d, thread, note, text.trim()))
  }

  remove(thread: string, note: string): boolean {
    return this.#change((d) => write.remove(d, thread, note))
  }

  resolve(thread: string, resolved: boolean): boolean {
    const done = this.#change((d) => write.resolve(d, thread, resolved))
    if (done && resolved) this.#refresh({ open: undefined })
    return done
  }

  move(thread: string, to: Place): boolean {
    return this.#change((d) => write.move(d, thread, to))
  }

  #change(make: (d: Board) => void): boolean {
    const { session, company, api } = this.desk
    try {
      session.board.change((d) => {
        sign(d, session.board.document.actor, company.author)
        make(d)
      })
      return true
    } catch (error) {
      const message = `This could not be saved: ${(error as Error).message}`
      api.setToast({ message, closable: true, duration: 10_000 })
      return false
    }
  }

  #refresh(change: Partial<View> = {}): void {
    const { board } = this.desk.session
    const next = { ...this.#view, ...change }
    next.threads = readThreads(board.doc.comments)
    const { open } = next
    const shown = typeof open === "string" ? next.threads.find(({ id }) => id === open) : undefined
    if (typeof open === "string" && !shown) next.open = undefined // its notes were taken away
    if (shown && document.visibilityState === "visible") this.#marks.read(shown)
    next.unread = new Set(next.threads.filter((thread) => this.#marks.unread(thread)).map(({ id }) => id))
    next.writable = board.document.status.access?.includes("write") ?? true
    if (!next.writable) next.placing = false
    this.#view = next
    for (const listener of this.#listeners) listener()
  }
}

/** The comments of a desk, as long as it is there. */
export function useComments(desk: Desk | undefined): Comments | undefined {
  return useAtDesk(desk, at)
}

const at = (desk: Desk) => new Comments(desk)

/** What there is to show of them, kept current. */
export function useView(comments: Comments): View {
  return useSyncExternalStore(comments.subscribe, () => comments.view)
}
