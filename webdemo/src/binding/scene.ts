/**
 * Binds the scene of an Excalidraw to a board's document: what is drawn becomes changes of single properties, and others'
 * changes become new elements, without a trace in this user's undo history.
 *
 * It keeps of each element what both sides last agreed on. What differs from that in the scene is the user's doing, and
 * is written; what patches of the document name is read, unless the user has the element in hand: then it waits.
 */
import * as A from "@automerge/automerge/slim"
import type { AutomergeBinding, AutomergeEvents } from "@baton-relay/client/automerge"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { type Author, sign } from "./author.ts"
import { elementOf, inFront, nonce, readPlain } from "./element.ts"
import { type HandState, inHand } from "./hand.ts"
import { type Board, groups, type Kind, kindsOf, type Plain, plainOf, storedOf } from "./schema.ts"

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

function isAgreed(element: ExcalidrawElement, { version, nonce }: Agreed): boolean {
  return element.version === version && element.versionNonce === nonce
}

/** The least time between two ops of a gesture, ms. */
const beat = 50

/** How many properties are written, or elements read, in one go: about 50 ms. */
const slice = 1500

/** A gesture that moves more than this is written when it ends: each op would cost every page half a second. */
export const many = 100

export class SceneBinding {
  #board: AutomergeBinding<Board>
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
  #timer: ReturnType<typeof setTimeout> | undefined
  #lastPass = 0
  #cost = 0
  #writing = false
  #showing = false
  #off: () => void

  /** Shows what the document has. The board must be loaded as far as it is going to be for a start. */
  constructor(board: AutomergeBinding<Board>, editor: Editor, options: SceneOptions) {
    this.#board = board
    this.#editor = editor
    this.#options = options
    this.#heads = A.getHeads(board.doc)
    this.#read(Object.keys(board.doc.elements ?? {}), { alive: true })
    this.#off = board.on("change", (change) => this.#came(change))
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
      if (!element || !agreed || element.isDeleted || this.#held.has(id) || !isAgreed(element, agreed))
        continue
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
    if (this.#showing) return
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
    if (this.#timer !== undefined || this.carried || this.#dirty().length === 0) return
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
      const agreed = this.#agreed.get(element.id)
      if (agreed && isAgreed(element, agreed)) continue
      if (!agreed && (element.isDeleted || this.#editor.invisible(element))) continue
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
      const edit = this.#differs(element)
      size += edit.props.size
      if (edit.props.size > 0) edits.push(edit)
      else this.#agree(edit)
    }
    if (edits.length > 0) this.#put(edits, heads)
    return taken < elements.length
  }

  /** Writes edits, in halves where they are too large for an op. What cannot be written at all is taken back. */
  #put(edits: Edit[], heads?: A.Heads): void {
    this.#writing = true
    try {
      this.#change(edits, heads)
      for (const edit of edits) this.#agree(edit)
      this.#heads = A.getHeads(this.#board.doc)
    } catch (error) {
      if (edits.length > 1) {
        this.#put(edits.slice(0, edits.length >> 1), heads)
        this.#put(edits.slice(edits.length >> 1), heads)
      } else {
        this.#takeBack(edits[0] as Edit, error)
      }
    } finally {
      this.#writing = false
    }
  }

  #change(edits: Edit[], heads?: A.Heads): void {
    const board = this.#board
    const texts: Edit[] = []
    board.change((d) => {
      sign(d, board.document.actor, this.#options.author())
      for (const edit of edits) {
        const { element, props } = edit
        const known = this.#agreed.get(element.id) !== undefined && d.elements[element.id] !== undefined
        const target = known ? d.elements[element.id] : undefined
        const into: Record<string, unknown> = target ?? {}
        for (const [name, { kind, value, appended }] of props) {
          const seen = this.#deferred.get(element.id) ?? heads
          if (kind === "text" && target && seen) texts.push(edit)
          else if (kind === "text" && target && typeof into[name] === "string") {
            A.updateText(d, ["elements", element.id, name], value as string)
          } else if (appended && target && Array.isArray(into[name])) into[name].push(...appended)
          else if (value === undefined) delete into[name]
          else into[name] = storedOf(kind, value)
        }
        if (!target) d.elements[element.id] = into
      }
    })
    for (const edit of texts) this.#writeText(edit, heads)
  }

  /** Writes a text as an edit of what the user saw, so that it merges with what others have typed since. */
  #writeText({ element, props }: Edit, heads?: A.Heads): void {
    const seen = this.#deferred.get(element.id) ?? heads ?? this.#heads
    const text = String(props.get("originalText")?.value)
    const after = this.#board.changeAt(seen, (d) => {
      A.updateText(d, ["elements", element.id, "originalText"], text)
    })
    // In hand the text stays as the user types it, and goes on from here; else the merged one is shown.
    if (this.#deferred.has(element.id)) this.#deferred.set(element.id, after)
  }

  /** Works out what of an element is to be written. */
  #differs(element: ExcalidrawElement): Edit {
    const plain = plainOf(element)
    const agreed = this.#agreed.get(element.id)?.plain
    const kinds = kindsOf(element.type) ?? {}
    const props: Edit["props"] = new Map()
    const add = (name: string) => props.set(name, { kind: kinds[name] as Kind, value: plain.get(name) })
    for (const [name, kind] of Object.entries(kinds)) {
      const [now, was] = [plain.get(name), agreed?.get(name)]
      if (kind === "stroke")
        strokeDiffers(props, name, now as number[] | undefined, was as number[] | undefined)
      else if (now !== was) add(name)
    }
    for (const group of groups) {
      // Written anew in one order, so that one person's whole group wins.
      if (!agreed || !group.some((name) => props.has(name))) continue
      for (const name of group) {
        if (kinds[name]) {
          props.delete(name)
          add(name)
        }
      }
    }
    return { element, plain, props, version: element.version, nonce: element.versionNonce }
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

  /**
   * Looks for elements that left the scene without being deleted. What began in this very gesture was too small to be
   * kept; all else the editor has dropped, as when it opens a file, and it is put back.
   */
  #missing(): void {
    const elements = this.#editor.elements()
    if (elements.length >= this.#agreed.size) return
    const here = new Set(elements.map(({ id }) => id))
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
    this.#writing = true
    try {
      this.#board.change((d) => {
        const stored = d.elements[id]
        if (stored) stored.isDeleted = true
      })
      this.#heads = A.getHeads(this.#board.doc)
    } catch (error) {
      this.#options.problem((error as Error).message)
    } finally {
      this.#writing = false
    }
  }

  // From the document to the scene.

  #came({ patches, source }: AutomergeEvents<Board>["change"]): void {
    if (this.#writing) {
      // The text that was written may have become another by merging.
      const merged = patches.filter((p) => p.path[0] === "elements" && p.path[2] === "originalText")
      if (merged.length > 0) queueMicrotask(() => this.#readMerged(merged.map((p) => String(p.path[1]))))
      return
    }
    if (source === "rebuilt") {
      this.#heads = A.getHeads(this.#board.doc)
      this.#deferred.clear()
    }
    const ids =
      source === "rebuilt"
        ? [...new Set([...Object.keys(this.#board.doc.elements), ...this.#agreed.keys()])]
        : [
            ...new Set(
              patches
                .filter((p) => p.path[0] === "elements" && p.path.length > 1)
                .map((p) => String(p.path[1])),
            ),
          ]
    if (ids.length > 0) this.#take(ids)
    this.#heads = A.getHeads(this.#board.doc)
  }

  #take(ids: string[]): void {
    const free = ids.filter((id) => !this.#held.has(id))
    const touched = new Set(free)
    const before = this.#heads
    for (const id of ids) if (!touched.has(id) && !this.#deferred.has(id)) this.#deferred.set(id, before)
    // What the user did to these a moment ago must not be lost under what came.
    const mine = () => this.#dirty().filter(({ id }) => touched.has(id))
    while (this.#write(mine(), before)) {
      // There is more than fits in one change.
    }
    this.#read(free)
  }

  #readMerged(ids: string[]): void {
    this.#read(ids.filter((id) => !this.#held.has(id) && !this.#hasText(id)))
  }

  /** Whether the scene has the text that the document has. */
  #hasText(id: string): boolean {
    return this.#agreed.get(id)?.plain.get("originalText") === this.#board.doc.elements[id]?.originalText
  }

  /** Shows what others did to what was in hand. */
  #letGo(): void {
    const ids = [...this.#deferred.keys()].filter((id) => !this.#held.has(id))
    for (const id of ids) this.#deferred.delete(id)
    this.#read(ids)
  }

  /** Reads elements from the document into the scene; with `alive`, no deleted ones. */
  #read(ids: string[], { alive = false } = {}): void {
    if (ids.length === 0) return
    const stored = this.#board.doc.elements
    const here = new Map(this.#editor.elements().map((element) => [element.id, element]))
    const fresh = new Map<string, ExcalidrawElement | undefined>()
    const moved = new Set<string>()
    const misfits: ExcalidrawElement[] = []
    for (const id of ids) {
      const plain = readPlain(stored[id])
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
      if (before && was && isAgreed(before, was) && onlyMoved(was.plain, now.plain)) moved.add(id)
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
    for (const element of this.#editor.refit([...new Set(containers), ...misfits])) {
      const agreed = this.#agreed.get(element.id)
      if (!agreed) continue
      fresh.set(element.id, element)
      // The document keeps what was written: each page measures, and the next edit writes it.
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
    }
  }
}

/** What is to be written of an element. */
interface Edit {
  element: ExcalidrawElement
  /** What it looks like as a whole. */
  plain: Map<string, Plain>
  /** What of it differs. */
  props: Map<string, { kind: Kind; value: Plain; appended?: number[] }>
  /** Those that `plain` was taken of: Excalidraw changes elements in place. */
  version: number
  nonce: number
}

/** A stroke that grew is written as what it grew by. */
function strokeDiffers(props: Edit["props"], name: string, now: number[] = [], was?: number[]): void {
  const grew = was !== undefined && now.length >= was.length && was.every((n, i) => n === now[i])
  if (grew && now.length === was.length) return
  props.set(name, { kind: "stroke", value: now, ...(grew && { appended: now.slice(was.length) }) })
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
