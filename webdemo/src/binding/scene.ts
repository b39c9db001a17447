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
import { Agreement, type Editor } from "./agreement.ts"
import { type Author, sign } from "./author.ts"
import { type Edit, editOf, textPath, writeEdit } from "./edit.ts"
import { record } from "./element.ts"
import { inHand } from "./hand.ts"
import type { Board } from "./schema.ts"
import { misfit } from "./wrap.ts"

/** What the binding needs of a board's document. */
export type BoardDocument = Pick<AutomergeBinding<Board>, "doc" | "change" | "changeAt" | "on"> & {
  document: Pick<Doc, "actor" | "status">
}

export interface SceneOptions {
  author: () => Author
  /** What went wrong with something that the user did, as a sentence. */
  problem: (message: string) => void
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
  #agreed: Agreement
  /** What the user has in hand. */
  #held = new Set<string>()
  /** Elements in hand that others have changed, and the heads at which the user last saw them. */
  #deferred = new Map<string, A.Heads>()
  /** Elements that everybody has otherwise than this scene, and the properties by which one would notice. */
  #unlike = new Map<string, string[]>()
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
  /** Whether the editor has told of a change while it was shown one, which may be the only word of both. */
  #unheard = false
  #off: () => void

  /** Shows what the document has. The board must be loaded as far as it is going to be for a start. */
  constructor(board: BoardDocument, editor: Editor, options: SceneOptions) {
    this.#board = board
    this.#editor = editor
    this.#options = options
    this.#heads = A.getHeads(board.doc)
    this.#agreed = new Agreement(editor, () => {
      if (this.#unheard) queueMicrotask(() => this.changed())
      this.#unheard = false
    })
    this.#agreed.read(this.#stored, Object.keys(this.#stored), { alive: true })
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
      const agreed = this.#held.has(element.id) ? this.#agreed.plain(element.id) : undefined
      if (agreed) return [element.x - Number(agreed.get("x")), element.y - Number(agreed.get("y"))]
    }
    return undefined
  }

  /** Shows elements where somebody carries them, who has not written it yet. With no distance they are where they were. */
  preview(ids: Iterable<string>, dx: number, dy: number): void {
    const free = [...ids].filter((id) => !this.#held.has(id))
    this.#agreed.preview(free, dx, dy)
  }

  /** To be called when anything in the editor may have changed. */
  changed(): void {
    if (this.#agreed.showing) {
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

  /** Measures the texts anew that this page has measured: a font has come. */
  measure(): void {
    this.#read(this.#agreed.measured.filter((id) => !this.#held.has(id)))
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
      if (this.#agreed.agrees(element)) continue
      if (!this.#agreed.plain(element.id) && (element.isDeleted || this.#editor.invisible(element))) continue
      dirty.push(element)
    }
    return dirty
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
      const edit = this.#editOf(element)
      if (!edit) continue
      size += edit.props.size
      if (edit.props.size > 0) edits.push(edit)
      else this.#agree(edit)
    }
    if (edits.length > 0) this.#put(edits, heads)
    this.#catchUp()
    return taken < elements.length
  }

  /** Works out what is to be written of an element. One of which that cannot be said is taken back. */
  #editOf(element: ExcalidrawElement): Edit | undefined {
    try {
      return editOf(element, this.#agreed.plain(element.id))
    } catch (error) {
      this.#takeBack(element, error)
      return undefined
    }
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
        this.#takeBack((edits[0] as Edit).element, error)
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

  #agree(edit: Edit): void {
    const { element, shared } = edit
    if (!this.#agreed.plain(element.id) && this.#held.has(element.id)) this.#begun.add(element.id)
    this.#agreed.settle(edit)
    if (!shared.same || misfit(element)) this.#unlike.set(element.id, [...shared.changed, ...shared.left])
  }

  #takeBack(element: ExcalidrawElement, error: unknown): void {
    const code = (error as { code?: string }).code
    this.#options.problem(
      code === "too_large"
        ? "This is larger than the relay takes, and was taken back."
        : `This could not be saved, and was taken back: ${(error as Error).message}`,
    )
    this.#agreed.drop(element.id)
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
    for (const id of this.#agreed.ids) {
      if (here.has(id)) continue
      this.#agreed.forget(id)
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
    return [...new Set([...Object.keys(this.#stored), ...this.#agreed.ids])]
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

  /** Shows what came while something was being written, and what was written otherwise than it is in the scene. */
  #catchUp(): void {
    const ids = this.#late?.ids ?? []
    this.#late = undefined
    const unlike = [...this.#unlike].filter(([id]) => !this.#held.has(id))
    for (const [id] of unlike) this.#unlike.delete(id)
    this.#read([...ids.filter((id) => !this.#held.has(id)), ...unlike.map(([id]) => id)])
    const names = [...new Set(unlike.flatMap(([, names]) => names))]
    if (names.length > 0)
      this.#options.problem(`A board does not keep this as it was, so it was changed: ${names.join(", ")}.`)
  }

  #read(ids: readonly string[], options?: { alive: boolean }): void {
    this.#agreed.read(this.#stored, ids, options)
  }

  #readMerged(ids: string[]): void {
    this.#read(ids.filter((id) => !this.#held.has(id) && !this.#hasText(id)))
  }

  /** Whether the scene has the text that the document has. */
  #hasText(id: string): boolean {
    return this.#agreed.plain(id)?.get("originalText") === this.#stored[id]?.originalText
  }

  /** Shows what others did to what was in hand. */
  #letGo(): void {
    const ids = [...this.#deferred.keys()].filter((id) => !this.#held.has(id))
    this.#writeAll(new Set(ids))
    for (const id of ids) this.#deferred.delete(id)
    this.#read(ids)
  }
}
