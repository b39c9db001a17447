// What the scene and the document agreed on last, an element at a time, and how the scene is brought to what the document
// has. What differs from that in the scene is the user's doing.

import type { ExcalidrawElement, ExcalidrawTextElement } from "@excalidraw/excalidraw/element/types"
import type { Edit } from "./edit.ts"
import { elementOf, inFront, nonce, readPlain } from "./element.ts"
import type { HandState } from "./hand.ts"
import { type Board, type Plain, plainOf } from "./schema.ts"
import { misfit } from "./wrap.ts"

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
   * Returns a text wrapped and measured, as its `originalText` asks for, and what it is written in, if that grows by it;
   * nothing of what stays as it is. What merges may be text that nobody has measured.
   */
  fit(text: ExcalidrawTextElement, container: ExcalidrawElement | undefined): ExcalidrawElement[]
}

/** What was agreed of an element. */
interface Agreed {
  version: number
  nonce: number
  plain: Map<string, Plain>
}

export class Agreement {
  #editor: Editor
  #agreed = new Map<string, Agreed>()
  /** Texts that this page has measured, as nobody else has, and what each is written in. */
  #misfits = new Map<string, string | null>()
  #shown: () => void
  #showing = false

  /** `shown` is called after each time that the editor was shown something. */
  constructor(editor: Editor, shown: () => void) {
    this.#editor = editor
    this.#shown = shown
  }

  /** Whether the editor is being shown something: what it tells meanwhile is of that. */
  get showing(): boolean {
    return this.#showing
  }

  get ids(): ReadonlySet<string> {
    return new Set(this.#agreed.keys())
  }

  get size(): number {
    return this.#agreed.size
  }

  /** What an element was agreed to be; undefined if nothing was. */
  plain(id: string): Map<string, Plain> | undefined {
    return this.#agreed.get(id)?.plain
  }

  /** Whether nothing has happened to an element of the scene since. */
  agrees({ id, version, versionNonce }: ExcalidrawElement): boolean {
    const agreed = this.#agreed.get(id)
    return agreed?.version === version && agreed.nonce === versionNonce
  }

  /** Takes what was written as agreed. */
  settle({ element, plain, version, nonce }: Edit): void {
    this.#agreed.set(element.id, { version, nonce, plain })
  }

  forget(id: string): void {
    this.#agreed.delete(id)
    this.#misfits.delete(id)
  }

  /** The texts that this page has measured itself, of which the user has changed nothing since. */
  get measured(): string[] {
    return this.#editor.elements().flatMap((e) => (this.#misfits.has(e.id) && this.agrees(e) ? [e.id] : []))
  }

  /** Takes an element out of the scene, of which nothing is agreed any more. */
  drop(id: string): void {
    this.forget(id)
    this.#show(new Map([[id, undefined]]))
  }

  /** Shows elements where somebody carries them, who has not written it yet. With no distance they are where they were. */
  preview(ids: Iterable<string>, dx: number, dy: number): void {
    const here = new Map(this.#editor.elements().map((element) => [element.id, element]))
    const fresh = new Map<string, ExcalidrawElement>()
    for (const id of ids) {
      const [element, agreed] = [here.get(id), this.#agreed.get(id)]
      if (!element || !agreed || element.isDeleted || !this.agrees(element)) continue
      const [x, y] = [Number(agreed.plain.get("x")) + dx, Number(agreed.plain.get("y")) + dy]
      if (element.x === x && element.y === y) continue
      const moved = { ...element, x, y, version: element.version + 1, versionNonce: nonce() }
      fresh.set(id, moved)
      this.#agreed.set(id, { ...agreed, version: moved.version, nonce: moved.versionNonce })
    }
    this.#show(fresh, new Set(fresh.keys()))
  }

  /** Reads elements from the document into the scene; with `alive`, no deleted ones. */
  read(stored: Board["elements"], ids: readonly string[], { alive = false } = {}): void {
    if (ids.length === 0) return
    const here = new Map(this.#editor.elements().map((element) => [element.id, element]))
    const fresh = new Map<string, ExcalidrawElement | undefined>()
    const moved = new Set<string>()
    const misfits: ExcalidrawTextElement[] = []
    for (const id of this.#withTexts(ids, here)) {
      const plain = Object.hasOwn(stored, id) ? readPlain(stored[id]) : undefined
      const before = here.get(id)
      this.#misfits.delete(id)
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
      if (before && was && this.agrees(before) && onlyMoved(was.plain, now.plain)) moved.add(id)
      this.#agreed.set(id, now)
      if (misfit(element)) misfits.push(element)
    }
    for (const text of misfits) {
      this.#fit(text, fresh, here)
      moved.delete(text.id)
      if (text.containerId) moved.delete(text.containerId)
    }
    this.#show(fresh, moved)
  }

  /** Adds the texts that have to be measured again with what they are written in. */
  #withTexts(ids: readonly string[], here: Map<string, ExcalidrawElement>): Set<string> {
    const all = new Set(ids)
    for (const [text, container] of this.#misfits) {
      const element = here.get(text)
      if (container !== null && all.has(container) && element && this.agrees(element)) all.add(text)
    }
    return all
  }

  /** Measures a text that merging has made, and shows it so. */
  #fit(
    text: ExcalidrawTextElement,
    fresh: Map<string, ExcalidrawElement | undefined>,
    here: Map<string, ExcalidrawElement>,
  ): void {
    const { id, containerId } = text
    this.#misfits.set(id, containerId)
    const container = containerId ? (fresh.get(containerId) ?? here.get(containerId)) : undefined
    for (const element of this.#editor.fit(text, container?.isDeleted ? undefined : container)) {
      const agreed = this.#agreed.get(element.id)
      const before = element.id === id ? text : container
      if (!agreed || !before) continue
      // The document keeps what was written: each page measures, and the next edit writes it.
      if (this.agrees(before))
        this.#agreed.set(element.id, { ...agreed, version: element.version, nonce: element.versionNonce })
      fresh.set(element.id, element)
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
      this.#shown()
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
