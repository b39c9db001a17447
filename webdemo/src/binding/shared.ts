// An element as everybody will have it. What a scene holds may be more than the document keeps or a reader takes: a file, a
// clipboard or a newer Excalidraw brought it. The writer asks here first, so that no page shows what the others do not.

import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { elementOf } from "./element.ts"
import { kindsOf, type Plain, plainOf } from "./schema.ts"

export interface Shared {
  /** The properties as they are to be written. */
  plain: Map<string, Plain>
  /** Properties that had values which no reader takes, and have others now. */
  changed: string[]
  /** Properties that a board does not have. */
  left: string[]
  /** Whether this is the very element that everybody has. */
  same: boolean
}

/** What is a page's own affair, follows from the points of a stroke, or has become another property. */
const own = new Set([
  ...["id", "version", "versionNonce", "updated", "lastCommittedPoint", "status", "width", "height"],
  ...["baseline", "rawText", "boundElementIds", "strokeSharpness", "font"],
])

/** Works out what everybody will have of an element. `agreed` is what they have, if anything. */
export function sharedOf(element: ExcalidrawElement, agreed?: Map<string, Plain>): Shared {
  const kinds = kindsOf(element.type)
  if (!kinds) return { plain: new Map(), changed: [], left: [], same: true }
  const drawn = plainOf(element)
  const plain = plainOf(elementOf(element.id, drawn, undefined))
  const values = element as unknown as Record<string, unknown>
  const changed: string[] = []
  let same = true
  for (const name of Object.keys(kinds)) {
    if (name === "index") continue // the editor makes another where it is none
    if (samePlain(drawn.get(name), plain.get(name))) {
      if (drawn.has(name) || values[name] === undefined) continue
    }
    same = false
    const bound = name.endsWith("Binding") && plain.get(name) !== "null"
    if (values[name] !== undefined && !bound) changed.push(name)
  }
  // What came later than the first writing is the editor's doing, which brings nothing new.
  const more = agreed ? [] : Object.keys(values).filter((name) => !kinds[name] && !own.has(name))
  const left = more.filter((name) => values[name])
  return { plain, changed, left, same: same && more.length === 0 }
}

export function samePlain(a: Plain, b: Plain): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return a === b
  return a.length === b.length && a.every((n, i) => n === b[i])
}
