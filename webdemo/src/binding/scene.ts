/**
 * Binds the scene of an Excalidraw to a board's document: what is drawn becomes changes of single properties, and others'
 * changes become new elements, without a trace in this user's undo history.
 *
 * It keeps of each element what both sides last agreed on. What differs from that in the scene is the user's doing, and
 * is written; what patches of the document name is read, unless the user has the element in hand: then it waits.
 */
import * as A from "@automerge/automerge/slim"
import type { Doc } from "@baton-relay/client"
import type { AutomergeBinding, AutomergeEvents } from "@baton-relay/client/automerge"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { type Author, sign } from "./author.ts"
import { type Edit, editOf, textPath, writeEdit } from "./edit.ts"
import { elementOf, inFront, nonce, readPlain, record } from "./element.ts"
import { type HandState, inHand } from "./hand.ts"
import { type Board, type Plain, plainOf } from "./schema.ts"

/** What the binding needs of a board's document. */
export type BoardDocument = Pick<AutomergeBinding<Board>, "doc" | "change" | "changeAt" | "on"> & {
  document: Pick<Doc, "actor" | "status">
}

/** What the binding needs of an Excalidraw. */
export interface Editor {
  /** All elements, deleted ones too, in the order in which they are drawn. */
  elements(): readonly ExcalidrawElement[]
  state(): HandState
  /**
   * Puts these in the place of all elements, without a trace in the undo history. Those that are `moved` look as before,
   * and only lie elsewhere.
   */
  show(elements: ExcalidrawElement[], moved: ReadonlySet<string>): void
  /** Whether an element is too small to be seen: Excalidraw drops those when a gesture ends. */
  invisible(element: ExcalidrawElement): boolean
  /**
   * Returns these texts, and what they are written in, anew: wrapped and measured, as their `originalText` asks for. What
   * merges may be text that nobody has measured.
   */
  refit(elements: ExcalidrawElement[]): ExcalidrawElement[]
}

export interface SceneOptions {
  author: () => Author
  /** What went wrong with something that the user did, as a sentence. */
  problem: (message: string) => void
}

/** What the scene and the document agreed on last. */
interface Agreed {
  version: number
  nonce: number
  plain: Map<string, Plain>
}

/** The least time between two ops of a gesture, ms. */
const beat = 50

/** How many properties are written, or elements read, in one go: about 50 ms. */
const slice = 1500

/** A gesture that moves more than this is written when it ends: each op would cost every page half a second. */
export const many = 100

export class SceneBinding {
  #board: BoardDocument
  #editor: Editor
  #options: SceneOptions
  #agreed = new Map<string, Agreed>()
  /** What the user has in hand. */
  #held = new Set<string>()
  /** Elements in hand that others have changed, and the heads at which the user last saw them. */
  #deferred = new Map<string, A.Heads>()
  /** Elements that began to exist in the gesture that goes on. */
  #begun = new Set<string>()
  /** The heads that the scene shows. */
  #heads: A.Heads
  /** What others changed in the same breath as this page made a change, and the heads before. */
  #late: { ids: string[]; heads: A.Heads } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastPass = 0
  #cost = 0
  #writing = false
  #showing = false
  /** Whether the editor has told of a change while it was shown one, which may be the only word of both. */
  #unheard = false
  #off: () => void

  /** Shows what the document has. The board must be loaded as far as it is going to be for a start. */
  constructor(board: BoardDocument, editor: Editor, options: SceneOptions) {
    this.#board = board
    this.#editor = editor
    this.#options = options
    this.#heads = A.getHeads(board.doc)
    this.#read(Object.keys(this.#stored), { alive: true })
    this.#off = board.on("change", (change) => this.#came(change))
  }

  /** The elements of the document; none where somebody has put something else in their place. */
  get #stored(): Board["elements"] {
    const { elements } = this.#board.doc
    return record(elements) ? elements : {}
  }

  /** Whether everything in the scene is in the document. */
  get settled(): boolean {
    return this.#dirty().length === 0
  }

  /** How many elements the user moves at once, and which, if they are too many to be written while they move. */
  get carried(): ReadonlySet<string> | undefined {
    return this.#held.size > many ? this.#held : undefined
  }

  /** How far what is carried has come from where the document has it; undefined if nothing is carried. */
  get carriedBy(): [dx: number, dy: number] | undefined {
    if (!this.carried || !this.#editor.state().selectedElementsAreBeingDragged) return undefined
    for (const element of this.#editor.elements()) {
      const agreed = this.#held.has(element.id) ? this.#agreed.get(element.id)?.plain : undefined
      if (agreed) return [element.x - Number(agreed.get("x")), element.y - Number(agreed.get("y"))]
    }
    return undefined
  }

  /** Shows elements where somebody carries them, who has not written it yet. With no distance they are where they were. */
  preview(ids: Iterable<string>, dx: number, dy: number): void {
    const here = new Map(this.#editor.elements().map((element) => [element.id, element]))
    const fresh = new Map<string, ExcalidrawElement>()
    for (const id of ids) {
      const [element, agreed] = [here.get(id), this.#agreed.get(id)]
      if (!element || !agreed || element.isDeleted || this.#held.has(id) || !this.#agrees(element)) continue
      const [x, y] = [Number(agreed.plain.get("x")) + dx, Number(agreed.plain.get("y")) + dy]
      if (element.x === x && element.y === y) continue
      const moved = { ...element, x, y, version: element.version + 1, versionNonce: nonce() }
      fresh.set(id, moved)
      this.#agreed.set(id, { ...agreed, version: moved.version, nonce: moved.versionNonce })
    }
    this.#show(fresh, new Set(fresh.keys()))
  }

  /** To be called when anything in the editor may have changed. */
  changed(): void {
    if (this.#showing) {
      this.#unheard = true
      return
    }
    const held = inHand(this.#editor.state(), this.#editor.elements())
    const released = [...this.#held].some((id) => !held.has(id))
    this.#held = held
    if (released) {
      this.#pass()
      this.#letGo()
    }
    if (held.size === 0) this.#begun.clear()
    this.#schedule()
  }

  /** Writes what is not written, now. */
  flush(): void {
    while (this.#pass(true)) {
      // There is more than fits in one change.
    }
  }

  /** Writes what is not written, and ends it. */
  close(): void {
    this.flush()
    this.#off()
    clearTimeout(this.#timer)
  }

  // From the scene to the document.

  #schedule(): void {
    if (this.#timer !== undefined || this.carried) return
    if (this.#dirty().length === 0 && !this.#lacking) return
    const wait = this.#lastPass + Math.max(beat, 4 * this.#cost) - performance.now()
    if (wait <= 0) this.#pass()
    else this.#later(wait)
  }

  #later(wait: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.carried) this.#pass()
    }, wait)
  }

  /** The elements that are not as agreed. */
  #dirty(): ExcalidrawElement[] {
    const dirty: ExcalidrawElement[] = []
    // Who may not write has nothing to write: what differs is what Excalidraw has put right by itself.
    if (this.#board.document.status.state === "read-only") return dirty
    for (const element of this.#editor.elements()) {
      if (this.#agrees(element)) continue
      if (!this.#agreed.has(element.id) && (element.isDeleted || this.#editor.invisible(element))) continue
      dirty.push(element)
    }
    return dirty
  }

  #agrees({ id, version, versionNonce }: ExcalidrawElement): boolean {
    const agreed = this.#agreed.get(id)
    return agreed?.version === version && agreed.nonce === versionNonce
  }

  /** Writes a change's worth of what differs, and returns whether there is more. */
  #pass(atOnce = false): boolean {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const began = performance.now()
    const more = this.#write(this.#dirty())
    this.#missing()
    this.#lastPass = performance.now()
    this.#cost = this.#lastPass - began
    if (more && !atOnce) this.#later(this.#cost) // the page draws a frame between
    return more
  }

  /** Writes of these what fits in a change. Returns whether some are left. */
  #write(elements: readonly ExcalidrawElement[], heads?: A.Heads): boolean {
    const edits: Edit[] = []
    let size = 0
    let taken = 0
    for (const element of elements) {
      if (size >= slice) break
      taken++
      const edit = editOf(element, this.#agreed.get(element.id)?.plain)
      size += edit.props.size
      if (edit.props.size > 0) edits.push(edit)
      else this.#agree(edit)
    }
    if (edits.length > 0) this.#put(edits, heads)
    this.#catchUp()
    return taken < elements.length
  }

  /** Writes all of these elements that differs. */
  #writeAll(ids: ReadonlySet<string>, heads?: A.Heads): void {
    while (
      this.#write(
        this.#dirty().filter(({ id }) => ids.has(id)),
        heads,
      )
    ) {
      // There is more than fits in one change.
    }
  }

  /** Writes edits, in halves where they are too large for an op. What cannot be written at all is taken back. */
  #put(edits: Edit[], heads?: A.Heads): void {
    try {
      this.#making(() => this.#change(edits, heads))
      for (const edit of edits) this.#agree(edit)
    } catch (error) {
      if (edits.length > 1) {
        this.#put(edits.slice(0, edits.length >> 1), heads)
        this.#put(edits.slice(edits.length >> 1), heads)
      } else {
        this.#takeBack(edits[0] as Edit, error)
      }
    }
  }

  #making(change: () => void): void {
    this.#writing = true
    try {
      change()
    } finally {
      this.#writing = false
      this.#heads = A.getHeads(this.#board.doc)
    }
  }

  #change(edits: Edit[], heads?: A.Heads): void {
    const texts: Edit[] = []
    this.#board.change((d) => {
      if (!record(d.people)) d.people = {}
      if (!record(d.elements)) d.elements = {}
      sign(d, this.#board.document.actor, this.#options.author())
      for (const edit of edits) {
        const seen = this.#deferred.get(edit.element.id) ?? heads ?? this.#late?.heads
        if (writeEdit(d, edit, seen !== undefined)) texts.push(edit)
      }
    })
    for (const edit of texts) this.#writeText(edit, heads)
  }

  /** Writes a text as an edit of what the user saw, so that it merges with what others have typed since. */
  #writeText({ element, props }: Edit, heads?: A.Heads): void {
    const seen = this.#deferred.get(element.id) ?? heads ?? this.#late?.heads ?? this.#heads
    const text = String(props.get("originalText")?.value)
    const after = this.#board.changeAt(seen, (d) => {
      A.updateText(d, textPath(element.id), text)
    })
    // In hand the text stays as the user types it, and goes on from here; else the merged one is shown.
    if (this.#deferred.has(element.id)) this.#deferred.set(element.id, after)
  }

  #agree({ element, plain, version, nonce }: Edit): void {
    if (!this.#agreed.has(element.id) && this.#held.has(element.id)) this.#begun.add(element.id)
    this.#agreed.set(element.id, { version, nonce, plain })
  }

  #takeBack({ element }: Edit, error: unknown): void {
    const code = (error as { code?: string }).code
    this.#options.problem(
      code === "too_large"
        ? "This is larger than the relay takes, and was taken back."
        : `This could not be saved, and was taken back: ${(error as Error).message}`,
    )
    this.#agreed.delete(element.id)
    this.#show(new Map([[element.id, undefined]]))
    this.#read([element.id])
  }

  /** Whether elements may have left the scene without being deleted. */
  get #lacking(): boolean {
    return this.#editor.elements().length < this.#agreed.size
  }

  /**
   * Looks for such elements. What began in this very gesture was too small to be kept; all else the editor has dropped,
   * and it is put back.
   */
  #missing(): void {
    if (!this.#lacking) return
    const here = new Set(this.#editor.elements().map(({ id }) => id))
    const back: string[] = []
    for (const id of this.#agreed.keys()) {
      if (here.has(id)) continue
      this.#agreed.delete(id)
      if (this.#begun.has(id)) this.#remove(id)
      else back.push(id)
    }
    this.#read(back, { alive: true })
  }

  #remove(id: string): void {
    try {
      this.#making(() => {
        this.#board.change((d) => {
          const stored = d.elements[id]
          if (stored) stored.isDeleted = true
        })
      })
    } catch (error) {
      this.#options.problem((error as Error).message)
    }
    this.#catchUp()
  }

  // From the document to the scene.

  #came({ patches, source }: AutomergeEvents<Board>["change"]): void {
    if (this.#writing && source === "local") {
      // The text that was written may have become another by merging.
      const merged = patches.filter((p) => p.path[0] === "elements" && p.path[2] === "originalText")
      if (merged.length > 0) queueMicrotask(() => this.#readMerged(merged.map((p) => String(p.path[1]))))
      return
    }
    const ids = source === "rebuilt" ? this.#all() : this.#named(patches)
    if (this.#writing) {
      this.#defer(ids)
      this.#late = { ids: [...(this.#late?.ids ?? []), ...ids], heads: this.#late?.heads ?? this.#heads }
      return
    }
    if (source === "rebuilt") {
      this.#heads = A.getHeads(this.#board.doc)
      this.#deferred.clear()
    }
    this.#take(ids)
    this.#heads = A.getHeads(this.#board.doc)
  }

  /** The ids of all elements, here and there. */
  #all(): string[] {
    return [...new Set([...Object.keys(this.#stored), ...this.#agreed.keys()])]
  }

  /** The ids of the elements that patches are of. */
  #named(patches: A.Patch[]): string[] {
    const paths = patches.map(({ path }) => path).filter(([root]) => root === "elements")
    if (paths.some(({ length }) => length === 1)) return this.#all()
    return [...new Set(paths.map(([, id]) => String(id)))]
  }

  #take(ids: string[]): void {
    const free = this.#defer(ids)
    // What the user did to these a moment ago must not be lost under what came.
    this.#writeAll(new Set(free), this.#heads)
    this.#read(free)
  }

  /** Has what came for elements in hand wait. Returns the others. */
  #defer(ids: string[]): string[] {
    const free = ids.filter((id) => !this.#held.has(id))
    for (const id of ids) {
      if (this.#held.has(id) && !this.#deferred.has(id)) this.#deferred.set(id, this.#heads)
    }
    return free
  }

  /** Shows what came while something was being written. */
  #catchUp(): void {
    const ids = this.#late?.ids ?? []
    this.#late = undefined
    this.#read(ids.filter((id) => !this.#held.has(id)))
  }

  #readMerged(ids: string[]): void {
    this.#read(ids.filter((id) => !this.#held.has(id) && !this.#hasText(id)))
  }

  /** Whether the scene has the text that the document has. */
  #hasText(id: string): boolean {
    return this.#agreed.get(id)?.plain.get("originalText") === this.#stored[id]?.originalText
  }

  /** Shows what others did to what was in hand. */
  #letGo(): void {
    const ids = [...this.#deferred.keys()].filter((id) => !this.#held.has(id))
    this.#writeAll(new Set(ids))
    for (const id of ids) this.#deferred.delete(id)
    this.#read(ids)
  }

  /** Reads elements from the document into the scene; with `alive`, no deleted ones. */
  #read(ids: string[], { alive = false } = {}): void {
    if (ids.length === 0) return
    const stored = this.#stored
    const here = new Map(this.#editor.elements().map((element) => [element.id, element]))
    const fresh = new Map<string, ExcalidrawElement | undefined>()
    const moved = new Set<string>()
    const misfits: ExcalidrawElement[] = []
    for (const id of ids) {
      const plain = Object.hasOwn(stored, id) ? readPlain(stored[id]) : undefined
      const before = here.get(id)
      if (!plain) {
        if (before) fresh.set(id, undefined)
        this.#agreed.delete(id)
        continue
      }
      if (plain.get("isDeleted") === true && (alive || !before)) continue
      const element = elementOf(id, plain, before)
      fresh.set(id, element)
      const now = { version: element.version, nonce: element.versionNonce, plain: plainOf(element) }
      const was = this.#agreed.get(id)
      if (before && was && this.#agrees(before) && onlyMoved(was.plain, now.plain)) moved.add(id)
      this.#agreed.set(id, now)
      if (misfit(element)) misfits.push(element)
    }
    this.#refit(misfits, fresh, here)
    for (const { id } of misfits) moved.delete(id)
    this.#show(fresh, moved)
  }

  /** Measures texts that merging has made, each with what it is written in. */
  #refit(
    misfits: ExcalidrawElement[],
    fresh: Map<string, ExcalidrawElement | undefined>,
    here: Map<string, ExcalidrawElement>,
  ): void {
    if (misfits.length === 0) return
    const containers = misfits.flatMap((text) => {
      const id = (text as { containerId?: string | null }).containerId
      const container = id ? (fresh.get(id) ?? here.get(id)) : undefined
      return container ? [container] : []
    })
    const unfit = [...new Set(containers), ...misfits]
    const clean = new Set(unfit.filter((element) => this.#agrees(element)).map(({ id }) => id))
    for (const element of this.#editor.refit(unfit)) {
      const agreed = this.#agreed.get(element.id)
      if (!agreed) continue
      fresh.set(element.id, element)
      // The document keeps what was written: each page measures, and the next edit writes it.
      if (clean.has(element.id))
        this.#agreed.set(element.id, { ...agreed, version: element.version, nonce: element.versionNonce })
    }
  }

  #show(fresh: Map<string, ExcalidrawElement | undefined>, moved: ReadonlySet<string> = new Set()): void {
    if (fresh.size === 0) return
    const elements: ExcalidrawElement[] = []
    const left = new Map(fresh)
    for (const element of this.#editor.elements()) {
      const next = left.has(element.id) ? left.get(element.id) : element
      left.delete(element.id)
      if (next) elements.push(next)
    }
    for (const element of left.values()) if (element) elements.push(element)
    this.#showing = true
    try {
      this.#editor.show(elements.sort(inFront), moved)
    } finally {
      this.#showing = false
      if (this.#unheard) queueMicrotask(() => this.changed())
      this.#unheard = false
    }
  }
}

/** Whether two states of an element differ by nothing but its place. */
function onlyMoved(was: Map<string, Plain>, now: Map<string, Plain>): boolean {
  if (was.size !== now.size) return false
  for (const [name, value] of now) {
    const before = was.get(name)
    if (name === "x" || name === "y" || before === value) continue
    if (!Array.isArray(before) || !Array.isArray(value)) return false
    if (before.length !== value.length || before.some((n, i) => n !== value[i])) return false
  }
  return true
}

/** Whether a text shows other letters than were written: only white space may differ, by wrapping. */
function misfit(element: ExcalidrawElement): boolean {
  if (element.type !== "text") return false
  const bare = (text: string) => text.replace(/\s+/g, "")
  return bare(element.text) !== bare(element.originalText)
}
