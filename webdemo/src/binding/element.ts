// An element of the document as one of the scene. Others wrote it, by whatever program: what is missing or makes no sense
// gets a default, so that no page breaks by it.

import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { kindsOf, linksFrom, type Plain, plainFrom, type Stored } from "./schema.ts"

/** How far from the middle anything may be, and how large, in pixels: Chromium's canvas loses its precision there. */
const far = 1e6

/** What an element has where the document says nothing, or nonsense. What is not here it goes without. */
const defaults: Record<string, unknown> = {
  x: 0,
  y: 0,
  width: 0,
  height: 0,
  angle: 0,
  strokeColor: "#1e1e1e",
  backgroundColor: "transparent",
  fillStyle: "solid",
  strokeWidth: 2,
  strokeStyle: "solid",
  roundness: null,
  roughness: 1,
  opacity: 100,
  seed: 1,
  index: null,
  isDeleted: false,
  groupIds: [],
  frameId: null,
  boundElements: null,
  link: null,
  locked: false,
  name: null,
  points: [],
  startBinding: null,
  endBinding: null,
  startArrowhead: null,
  endArrowhead: null,
  elbowed: false,
  pressures: [],
  simulatePressure: true,
  fontSize: 20,
  fontFamily: 5,
  text: "",
  textAlign: "left",
  verticalAlign: "top",
  containerId: null,
  originalText: "",
  autoResize: true,
  lineHeight: 1.25,
  fileId: null,
  scale: [1, 1],
  crop: null,
}

/** Words that stand for one of a few things. */
const words: Record<string, readonly (string | null)[]> = {
  fillStyle: ["hachure", "cross-hatch", "solid", "zigzag"],
  strokeStyle: ["solid", "dashed", "dotted"],
  textAlign: ["left", "center", "right"],
  verticalAlign: ["top", "middle", "bottom"],
}

/** Numbers that have bounds of their own; the others lie within `far`. */
const bounds: Record<string, [least: number, most: number]> = {
  opacity: [0, 100],
  strokeWidth: [0, 1000],
  roughness: [0, 10],
  fontSize: [1, 10_000],
  lineHeight: [0.5, 10],
  fontFamily: [1, 100],
  seed: [0, 2 ** 32],
}

/** Structures by what they must look like. */
const shapes: Record<string, (value: unknown) => boolean> = {
  roundness: (v) => record(v) && typeof v.type === "number",
  groupIds: (v) => list(v, (id) => typeof id === "string"),
  customData: record,
  points: (v) => list(v, point) && (v as unknown[]).length <= 100_000,
  fixedSegments: (v) => list(v, (s) => record(s) && point(s.start) && point(s.end) && sized(s.index)),
  scale: (v) => point(v) && !(v as number[]).includes(0),
  crop: (v) =>
    record(v) &&
    ["x", "y", "width", "height", "naturalWidth", "naturalHeight"].every((k) => sized(v[k])) &&
    [v.width, v.height, v.naturalWidth, v.naturalHeight].every((n) => (n as number) > 0),
}

/** Whether this is a map: not a list, a register, a date or whatever else an Automerge document may hold. */
export function record(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && Object.getPrototypeOf(v) === Object.prototype
}

function list(v: unknown, each: (item: unknown) => boolean): boolean {
  return Array.isArray(v) && v.every(each)
}

function point(v: unknown): boolean {
  return list(v, sized) && (v as unknown[]).length === 2
}

function sized(v: unknown): v is number {
  return typeof v === "number" && Math.abs(v) <= far
}

/**
 * Returns what says where an arrow hangs; undefined if it does not. Excalidraw of 2026 and later says it by a point of the
 * shape: the arrow then points at its middle, as far away as there.
 */
function bindingOf(v: unknown): Record<string, unknown> | undefined {
  if (!record(v) || typeof v.elementId !== "string") return undefined
  const { elementId, focus = 0, gap = 5, fixedPoint, mode } = v
  if (!sized(focus) || !sized(gap)) return undefined
  return {
    elementId,
    focus,
    gap,
    ...(fixedPoint !== undefined && { fixedPoint: point(fixedPoint) ? fixedPoint : null }),
    ...(typeof mode === "string" && { mode }),
  }
}

/** Returns the properties that the document has of an element, as {@link Plain}; undefined if it is none. */
export function readPlain(stored: Stored | undefined): Map<string, Plain> | undefined {
  if (!record(stored)) return undefined
  const type = plainFrom("word", stored.type)
  const kinds = typeof type === "string" ? kindsOf(type) : undefined
  if (!kinds) return undefined
  const plain = new Map<string, Plain>()
  for (const [name, kind] of Object.entries(kinds)) {
    const value = kind === "links" ? linksFrom(stored) : plainFrom(kind, stored[name])
    if (value !== undefined) plain.set(name, value)
  }
  return plain
}

/** Returns an element for the scene. Its version is that after `before`, and its nonce a new one. */
export function elementOf(
  id: string,
  plain: Map<string, Plain>,
  before: ExcalidrawElement | undefined,
): ExcalidrawElement {
  const element: Record<string, unknown> = {
    id,
    version: (before?.version ?? 0) + 1,
    versionNonce: nonce(),
    updated: Date.now(),
  }
  const type = plain.get("type") as string
  for (const [name, kind] of Object.entries(kindsOf(type) ?? {})) {
    const value = plain.get(name)
    const missing = value === undefined || (value === null && !nullable(name))
    const shown = missing ? structuredClone(defaults[name]) : sceneValue(name, kind, value)
    if (shown !== undefined) element[name] = shown
  }
  if (type === "freedraw" || type === "line" || type === "arrow") element.lastCommittedPoint = null
  if (type === "freedraw") measure(element)
  // One end of a line is no line, and Excalidraw fails on it.
  if ((type === "line" || type === "arrow") && (element.points as unknown[]).length < 2) {
    element.points = [
      [0, 0],
      [element.width, element.height],
    ]
  }
  if (type === "image") element.status = "saved"
  return element as unknown as ExcalidrawElement
}

/** What tells two versions of one number apart. */
export function nonce(): number {
  return Math.floor(Math.random() * 2 ** 31)
}

function nullable(name: string): boolean {
  return (defaults[name] ?? null) === null
}

function sceneValue(name: string, kind: string, value: Exclude<Plain, undefined>): unknown {
  if (kind === "number") return within(value as number, bounds[name])
  if (kind === "json" && typeof value === "string") {
    const parsed = parse(value)
    if (name === "startBinding" || name === "endBinding") return bindingOf(parsed) ?? null
    const good = parsed === null ? nullable(name) : (shapes[name]?.(parsed) ?? false)
    return good ? parsed : structuredClone(defaults[name])
  }
  if (kind === "links") return parse(value as string)
  if (kind === "stroke") return pairs(value as number[])
  if (kind === "series") return (value as number[]).map((n) => within(n))
  if (name === "index") return orderKey(value) ? value : null
  const known = words[name]
  return known && !known.includes(value as string | null) ? defaults[name] : value
}

function within(n: number, [least, most] = [-far, far]): number {
  return Math.min(Math.max(n, least), most)
}

/** Whether Excalidraw can work out what comes before and after an index: it fails on others. */
function orderKey(index: unknown): boolean {
  if (typeof index !== "string" || index.length > 1000 || !/^[A-Za-z][0-9A-Za-z]+$/.test(index)) return false
  // The first letter says how long the whole part is, a to z upwards and Z to A downwards.
  const letter = index.charCodeAt(0)
  const whole = letter >= 97 ? letter - 97 + 2 : 90 - letter + 2
  const least = `A${"0".repeat(26)}`
  return index.length >= whole && index !== least && !(index.length > whole && index.endsWith("0"))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function pairs(flat: number[]): [number, number][] {
  const points: [number, number][] = []
  for (let i = 0; i + 1 < flat.length; i += 2)
    points.push([within(flat[i] as number), within(flat[i + 1] as number)])
  return points
}

/** A stroke is as large as the box around its points. */
function measure(element: Record<string, unknown>): void {
  let [left, top, right, bottom] = [0, 0, 0, 0]
  for (const [x, y] of element.points as [number, number][]) {
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  element.width = right - left
  element.height = bottom - top
}

/** The order in which elements lie on each other: by fractional index, then by id. */
export function inFront(a: ExcalidrawElement, b: ExcalidrawElement): number {
  const [i, j] = [a.index ?? "", b.index ?? ""]
  if (i !== j) return i < j ? -1 : 1
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
