// A board as an Automerge document, and one element in it. Each property is a value of its own, so that one person may
// move what another recolours. Most strings are registers: Automerge merges plain ones letter by letter, which is right
// for what people write and nonsense for colours.

import * as A from "@automerge/automerge/slim"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"

/** One element: its properties as `kinds` has them, but for `id`, which is its key. */
export type Stored = Record<string, unknown>

/** A remark in a thread. */
export interface Note {
  text: string
  /** Who wrote it: a name, and a colour. */
  name: A.ImmutableString
  colour: A.ImmutableString
  /** Unix ms, by the author's clock. */
  at: number
  /** When its author wrote it anew, the same. */
  edited?: number
}

/** A thread, pinned to a place of the board. */
export interface Comment {
  x: number
  y: number
  resolved: boolean
  /** By id, which sorts by time. */
  notes: Record<string, Note>
}

export interface Board {
  elements: Record<string, Stored>
  /** Images: `ID` says what it is, `ID/0`, `ID/1`, … are its bytes. Written once. */
  files: Record<string, A.ImmutableString | Uint8Array>
  /** Who writes as an actor, {name, colour} in JSON: written with the actor's first change. */
  people: Record<string, A.ImmutableString>
  comments: Record<string, Comment>
}

/** Makes what every board begins with: without it two who open an empty one would each make maps of their own. */
export function startBoard(board: Board): void {
  board.elements = {}
  board.files = {}
  board.people = {}
  board.comments = {}
}

/** What a property is in the document. */
export type Kind =
  | "number"
  | "flag"
  | "word" // a register
  | "json" // a structure as a register: it changes as a whole
  | "text" // merged letter by letter
  | "stroke" // points as [x0, y0, x1, y1, …], which grow while they are drawn
  | "series" // numbers that grow along with a stroke
  | "links" // elements that belong to this one, each a property of its own: `bound:ID` is what it is

const any: Record<string, Kind> = {
  type: "word",
  x: "number",
  y: "number",
  width: "number",
  height: "number",
  angle: "number",
  strokeColor: "word",
  backgroundColor: "word",
  fillStyle: "word",
  strokeWidth: "number",
  strokeStyle: "word",
  roundness: "json",
  roughness: "number",
  opacity: "number",
  seed: "number",
  index: "word",
  isDeleted: "flag",
  groupIds: "json",
  frameId: "word",
  boundElements: "links",
  link: "word",
  locked: "flag",
  customData: "json",
}

const line: Record<string, Kind> = {
  ...any,
  points: "json",
  startBinding: "json",
  endBinding: "json",
  startArrowhead: "word",
  endArrowhead: "word",
}

// What a stroke measures follows from its points.
const { width: _w, height: _h, ...placed } = any

const frame: Record<string, Kind> = { ...any, name: "word" }

/**
 * The properties of each type of element. What is not here is not shared: `version` and its like are this page's own
 * bookkeeping, and `status` of an image says whether this page has stored it.
 */
const kinds: Record<string, Record<string, Kind>> = {
  rectangle: any,
  diamond: any,
  ellipse: any,
  embeddable: any,
  iframe: any,
  frame,
  magicframe: frame,
  line: { ...line, polygon: "flag" },
  arrow: { ...line, elbowed: "flag", fixedSegments: "json", startIsSpecial: "flag", endIsSpecial: "flag" },
  freedraw: { ...placed, points: "stroke", pressures: "series", simulatePressure: "flag" },
  text: {
    ...any,
    fontSize: "number",
    fontFamily: "number",
    text: "word",
    textAlign: "word",
    verticalAlign: "word",
    containerId: "word",
    originalText: "text",
    autoResize: "flag",
    lineHeight: "number",
  },
  image: { ...any, fileId: "word", scale: "json", crop: "json" },
}

/** The properties of a type; undefined for one that no board has. */
export function kindsOf(type: string): Record<string, Kind> | undefined {
  return Object.hasOwn(kinds, type) ? kinds[type] : undefined
}

/** What changes together: merged one by one, the x of one person's move would come to the y of another's. */
export const groups: readonly (readonly string[])[] = [
  ["x", "y"],
  ["width", "height", "angle"],
]

/** A property in a form that `===` compares; a stroke's is its list of numbers. Undefined: the element has none. */
export type Plain = string | number | boolean | null | undefined | number[]

/**
 * Returns the properties of an element as they are to be in the document, in the order of writing. A value that is not of
 * its property's kind is left out: files and clipboards hold anything.
 */
export function plainOf(element: Pick<ExcalidrawElement, "type">): Map<string, Plain> {
  const plain = new Map<string, Plain>()
  const values = element as unknown as Record<string, unknown>
  for (const [name, kind] of Object.entries(kindsOf(element.type) ?? {})) {
    const value = values[name] === undefined ? undefined : plainValue(kind, values[name])
    if (value !== undefined) plain.set(name, value)
  }
  return plain
}

function plainValue(kind: Kind, value: unknown): Plain {
  switch (kind) {
    case "number":
      return isNumber(value) ? value : undefined
    case "flag":
      return typeof value === "boolean" || value === null ? value : undefined
    case "word":
      return typeof value === "string" ? value.toWellFormed() : value === null ? null : undefined
    case "text":
      return typeof value === "string" ? value.toWellFormed() : undefined
    case "json":
      return JSON.stringify(value)
    case "stroke":
      return Array.isArray(value) && value.every(isPair)
        ? value.flatMap(([x, y]) => [round(x), round(y)])
        : undefined
    case "series":
      return Array.isArray(value) && value.every(isNumber) ? value.map(round) : undefined
    case "links":
      return Array.isArray(value) ? linksAs(value.filter(isLink)) : value === null ? null : undefined
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value)
}

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && isNumber(value[0]) && isNumber(value[1])
}

/** To a hundredth, which a third of the bytes can say. */
function round(n: number): number {
  return Math.round(n * 100) / 100
}

/** An element that belongs to another, as that one has it. */
interface Link {
  id: string
  type: string
}

function isLink(value: unknown): value is Link {
  const { id, type } = (value ?? {}) as Partial<Link>
  return typeof id === "string" && (type === "arrow" || type === "text")
}

/** In one order, so that the same links are the same string. None are null. */
function linksAs(links: readonly Link[]): string | null {
  if (links.length === 0) return null
  const sorted = links.map(({ id, type }) => ({ id, type })).sort((a, b) => (a.id < b.id ? -1 : 1))
  return JSON.stringify(sorted)
}

/** Returns links, as {@link Plain} has them, by id. */
export function linksOf(plain: Plain): Map<string, string> {
  const links: Link[] = typeof plain === "string" ? JSON.parse(plain) : []
  return new Map(links.map(({ id, type }) => [id, type]))
}

const linkPrefix = "bound:"

/** Returns the property that says what a linked element is. */
export function linkKey(id: string): string {
  return linkPrefix + id
}

/** Returns the links of a stored element, as {@link Plain} has them. */
export function linksFrom(stored: Stored): string | null {
  const links = Object.entries(stored).flatMap(([key, type]) => {
    const known = key.startsWith(linkPrefix) && (String(type) === "arrow" || String(type) === "text")
    return known ? [{ id: key.slice(linkPrefix.length), type: String(type) }] : []
  })
  return linksAs(links)
}

/** Returns a value as the document holds it. */
export function storedOf(kind: Kind, value: Plain): unknown {
  const register = kind === "word" || kind === "json"
  return register && typeof value === "string" ? new A.ImmutableString(value) : value
}

/** The reverse of {@link storedOf}; undefined for what no page of ours would have written. */
export function plainFrom(kind: Kind, stored: unknown): Plain {
  if (stored === null) return kind === "word" || kind === "json" || kind === "flag" ? null : undefined
  if (kind === "number") return typeof stored === "number" && Number.isFinite(stored) ? stored : undefined
  if (kind === "flag") return typeof stored === "boolean" ? stored : undefined
  if (kind === "text") return typeof stored === "string" ? stored : undefined
  if (kind === "stroke" || kind === "series") {
    return Array.isArray(stored) && stored.every((n) => typeof n === "number" && Number.isFinite(n))
      ? [...stored]
      : undefined
  }
  return A.isImmutableString(stored) ? stored.toString() : undefined
}
