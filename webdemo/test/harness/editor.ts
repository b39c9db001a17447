// An Excalidraw as far as its scene goes: elements that it changes in place, with a new version and nonce each time, and
// what the user has in hand. What it makes of elements is the library's own doing.

import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { Editor } from "../../src/binding/agreement.ts"
import type { HandState } from "../../src/binding/hand.ts"
import { SceneBinding } from "../../src/binding/scene.ts"
import { excalidraw } from "./excalidraw.ts"
import type { Replica } from "./replicas.ts"

type Props = Record<string, unknown>

/** Somebody at a board. */
export class User implements Editor {
  readonly board: Replica
  readonly scene: SceneBinding
  /** What they were told. */
  readonly told: string[] = []
  name = "Ann"
  /** Whether the editor finds that the user has let go while it is shown something, and says it but then. */
  letsGoWhenShown = false
  #elements: Props[] = []
  #hand: Props = {}
  #made = 0
  #library = excalidraw.editorOf({})

  constructor(board: Replica) {
    this.board = board
    this.scene = new SceneBinding(board, this, {
      author: () => ({ name: this.name, colour: "#123456" }),
      problem: (message) => this.told.push(message),
    })
  }

  // What the binding sees.

  elements(): readonly ExcalidrawElement[] {
    return this.#elements as unknown as ExcalidrawElement[]
  }

  state(): HandState {
    return { selectedElementIds: {}, ...this.#hand } as unknown as HandState
  }

  show(elements: ExcalidrawElement[]): void {
    this.#elements = elements as unknown as Props[]
    this.#index()
    if (this.letsGoWhenShown) this.hold()
    else queueMicrotask(() => this.scene.changed())
  }

  invisible(element: ExcalidrawElement): boolean {
    return this.#library.invisible(element)
  }

  fit(...text: Parameters<Editor["fit"]>): ExcalidrawElement[] {
    return this.#library.fit(...text)
  }

  // What the user does.

  /** Draws an element of the type, and returns its id. */
  draw(type: string, props: Props = {}): string {
    const id = `${this.board.document.actor.slice(-2)}-${this.#made++}`
    const strokes = type === "freedraw" || type === "line" || type === "arrow"
    this.#elements.push({
      ...look,
      ...(strokes && { points: [[0, 0]], lastCommittedPoint: null }),
      ...(type === "freedraw" && { pressures: [], simulatePressure: true }),
      ...(type === "text" && words),
      ...(type === "arrow" && ends),
      id,
      type,
      index: excalidraw.generateKeyBetween(this.#elements.at(-1)?.index as string | undefined, null),
      version: 1,
      versionNonce: nonce(),
      ...props,
    })
    this.scene.changed()
    return id
  }

  /** Changes properties of an element, in place. */
  edit(id: string, props: Props): void {
    this.mutate(id, props)
    this.scene.changed()
  }

  /** As {@link edit}, and the binding does not hear of it yet. */
  mutate(id: string, props: Props): void {
    const element = this.the(id)
    Object.assign(element, props, { version: Number(element.version) + 1, versionNonce: nonce() })
  }

  /** Types into a text, which is in hand then. */
  type(id: string, make: (text: string) => string): void {
    this.hold({ editingTextElement: this.the(id) })
    const text = make(this.the(id).originalText as string)
    this.edit(id, {
      text,
      originalText: text,
      ...(this.the(id).autoResize === true && { width: text.length * 10 }),
    })
  }

  /** Takes something in hand, or lets it go. */
  hold(hand: Props = {}): void {
    this.#hand = hand
    this.scene.changed()
  }

  drag(...ids: string[]): void {
    const selectedElementIds = Object.fromEntries(ids.map((id) => [id, true]))
    this.hold({ selectedElementsAreBeingDragged: true, selectedElementIds })
  }

  /** Puts an element before all others, as far as this page knows. */
  toFront(id: string): void {
    const element = this.the(id)
    this.#elements = [...this.#elements.filter((e) => e !== element), element]
    this.mutate(id, {
      index: excalidraw.generateKeyBetween(this.#elements.at(-2)?.index as string | undefined, null),
    })
    this.scene.changed()
  }

  /** Takes elements out of the scene without deleting them, which an Excalidraw does with what is too small. */
  drop(...ids: string[]): void {
    this.#elements = this.#elements.filter(({ id }) => !ids.includes(id as string))
    this.scene.changed()
  }

  /** An element of the scene; it throws if there is none. */
  the(id: string): Props {
    const element = this.#elements.find((e) => e.id === id)
    if (!element) throw new Error(`${id} is not in the scene`)
    return element
  }

  has(id: string): boolean {
    return this.#elements.some((e) => e.id === id && !e.isDeleted)
  }

  /** Gives elements new indexes where they are not in order, as an Excalidraw does with each new scene. */
  #index(): void {
    let before: string | undefined
    this.#elements.forEach((element, i) => {
      const index = element.index as string | null
      // It throws at an index of no sense, as Excalidraw does.
      if (index !== null) excalidraw.generateKeyBetween(index, null)
      if (index === null || (before !== undefined && index <= before)) {
        const next = this.#elements.slice(i + 1).find((e) => String(e.index ?? "") > (before ?? ""))
        const between = excalidraw.generateKeyBetween(before, next?.index as string | undefined)
        Object.assign(element, {
          index: between,
          version: Number(element.version) + 1,
          versionNonce: nonce(),
        })
      }
      before = element.index as string
    })
  }
}

const look: Props = {
  x: 0,
  y: 0,
  width: 100,
  height: 50,
  angle: 0,
  strokeColor: "#1e1e1e",
  backgroundColor: "transparent",
  fillStyle: "solid",
  strokeWidth: 2,
  strokeStyle: "solid",
  roundness: { type: 3 },
  roughness: 1,
  opacity: 100,
  seed: 1,
  isDeleted: false,
  groupIds: [],
  frameId: null,
  boundElements: null,
  updated: 1,
  link: null,
  locked: false,
}

const words: Props = {
  fontSize: 20,
  fontFamily: 5,
  text: "",
  textAlign: "left",
  verticalAlign: "top",
  containerId: null,
  originalText: "",
  autoResize: true,
  lineHeight: 1.25,
}

const ends: Props = {
  startBinding: null,
  endBinding: null,
  startArrowhead: null,
  endArrowhead: "arrow",
  elbowed: false,
  fixedSegments: null,
  startIsSpecial: null,
  endIsSpecial: null,
}

function nonce(): number {
  return Math.floor(Math.random() * 2 ** 31)
}
