// A board as it was. The document has all its changes, and shows itself as of any of them; the log says in which order
// they came, and when.

import * as A from "@automerge/automerge/slim"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { elementOf, inFront, readPlain } from "../binding/element.ts"
import type { Board } from "../binding/schema.ts"
import type { Log, Moment, ReadOptions } from "../history/log.ts"

/** What a moment of the log did. */
interface Step {
  hash: string
  deps: string[]
  /** The elements that it touched, by id. */
  touched: Set<string>
}

/** How long to work without letting the page do anything else, ms. */
const slice = 12

export class Past {
  readonly log: Log
  #doc: A.Doc<Board>
  /** By the moment's index; undefined for what is no change of the document. */
  #steps: (Step | undefined)[] = []
  /** Who made an element, by its id. */
  #makers = new Map<string, string>()
  /** The elements that objects of the document belong to. */
  #owners = new Map<string, string>()
  #base: A.Heads
  #shown = { index: -1, elements: new Map<string, ExcalidrawElement>() }

  private constructor(log: Log, doc: A.Doc<Board>) {
    this.log = log
    this.#doc = doc
    this.#base = headsOf(log, doc)
  }

  /** Works out what each moment did. The page goes on meanwhile. */
  static async open(log: Log, doc: A.Doc<Board>, { progress, signal }: ReadOptions = {}): Promise<Past> {
    const past = new Past(log, A.clone(doc))
    const elements = A.getObjectId(past.#doc.elements) ?? ""
    let began = performance.now()
    for (const [i, moment] of log.moments.entries()) {
      past.#steps.push(past.#stepOf(moment, elements))
      if (performance.now() - began < slice) continue
      progress?.(i / log.moments.length)
      await new Promise((resolve) => setTimeout(resolve))
      signal?.throwIfAborted()
      began = performance.now()
    }
    return past
  }

  /**
   * Returns the elements after so many moments of the log, from 0 to all, in the order in which they are drawn. Those that
   * did not change since the last call are the same objects.
   */
  at(index: number): ExcalidrawElement[] {
    const shown = this.#shown
    if (shown.index !== index) {
      const stored = A.view(this.#doc, this.#headsAt(index)).elements ?? {}
      const ids = shown.index < 0 ? Object.keys(stored) : this.#touched(shown.index, index)
      for (const id of ids) {
        const plain = Object.hasOwn(stored, id) ? readPlain(stored[id]) : undefined
        if (plain && plain.get("isDeleted") !== true) {
          shown.elements.set(id, elementOf(id, plain, shown.elements.get(id)))
        } else {
          shown.elements.delete(id)
        }
      }
      shown.index = index
    }
    return [...shown.elements.values()].sort(inFront)
  }

  /** The elements that the last of so many moments touched. */
  lastTouched(index: number): ReadonlySet<string> {
    return this.#steps[index - 1]?.touched ?? new Set()
  }

  /** The actors that made elements, and which. */
  makers(): Map<string, string[]> {
    const made = new Map<string, string[]>()
    for (const [id, actor] of this.#makers) made.set(actor, [...(made.get(actor) ?? []), id])
    return made
  }

  /** Every element of which anything was ever in the document. */
  all(): string[] {
    return Object.keys(this.#doc.elements ?? {})
  }

  #touched(from: number, to: number): Set<string> {
    const touched = new Set<string>()
    for (let i = Math.min(from, to); i < Math.max(from, to); i++) {
      for (const id of this.#steps[i]?.touched ?? []) touched.add(id)
    }
    return touched
  }

  #headsAt(index: number): A.Heads {
    const heads = new Set(this.#base)
    for (const step of this.#steps.slice(0, index)) {
      if (!step) continue
      for (const dep of step.deps) heads.delete(dep)
      heads.add(step.hash)
    }
    return [...heads]
  }

  #stepOf(moment: Moment, elements: string): Step | undefined {
    const change = changeOf(moment)
    // One that Automerge failed on was left out of the document, here as everywhere.
    if (!change?.hash || !A.hasHeads(this.#doc, [change.hash])) return undefined
    const touched = new Set<string>()
    for (const [i, op] of change.ops.entries()) {
      const id = op.obj === elements && "key" in op ? String(op.key) : this.#owners.get(op.obj)
      if (id === undefined) continue
      touched.add(id)
      if (!op.action.startsWith("make")) continue
      this.#owners.set(`${change.startOp + i}@${change.actor}`, id)
      if (op.obj === elements && !this.#makers.has(id)) this.#makers.set(id, moment.actor)
    }
    return { hash: change.hash, deps: change.deps, touched }
  }
}

function changeOf({ payload }: Moment): ReturnType<typeof A.decodeChange> | undefined {
  try {
    return A.decodeChange(Uint8Array.from(atob(String(payload)), (letter) => letter.charCodeAt(0)))
  } catch {
    return undefined
  }
}

/** The heads before the first moment: those of the state that stands for what was pruned, or none. */
function headsOf({ base }: Log, doc: A.Doc<Board>): A.Heads {
  if (!base?.state) return []
  try {
    const heads = A.getHeads(A.load(base.state))
    return A.hasHeads(doc, heads) ? heads : []
  } catch {
    base.state = undefined // it is none that can be shown
    return []
  }
}
