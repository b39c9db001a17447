// The documents that this browser was in, newest first, kept in the browser and the same in all its tabs.

import { isName, type Place } from "../link/link.ts"
import { beginningOf } from "../look/beginning.ts"

export interface Recent extends Place {
  /** What the document calls itself. */
  title?: string
  /** Of a board a picture as a data: URL, of a text its first lines. */
  thumbnail?: string
  /** When it was last open here, Unix ms. */
  at: number
}

const key = "baton.recent"

/** How many are kept. */
const most = 24

/** How long all of it may be as JSON, characters. Browsers give a site some millions. */
const room = 600_000

/** The longest thumbnail and title, characters. */
const longestThumbnail = 100_000
const longestTitle = 200

const listeners = new Set<() => void>()

/** What was last read, and where the browser keeps nothing, what there would be. */
let seen: { text: string | null; list: Recent[] } = { text: null, list: [] }

/** The documents, newest first: the same array until one changes. */
export function recent(): Recent[] {
  try {
    const text = localStorage.getItem(key)
    if (text !== seen.text) seen = { text, list: parse(text) }
  } catch {
    // What this page has seen holds for it.
  }
  return seen.list
}

/** What a page says of its document. */
export interface Memory extends Place {
  title?: string | undefined
  thumbnail?: string | undefined
  at?: number
}

/** Keeps a document as opened now, or at a given time. A title or thumbnail that is left out stays as it was. */
export function remember({ kind, name, title, thumbnail, at = Date.now() }: Memory): void {
  const before = recent()
  const known = before.find((entry) => same(entry, { kind, name }))
  const entry = checked({ ...known, kind, name, ...defined({ title, thumbnail }), at })
  if (!entry) return
  keep(ordered([entry, ...before.filter((other) => other !== known)]))
}

export function forget(place: Place): void {
  keep(recent().filter((entry) => !same(entry, place)))
}

/** Calls the listener when this tab or another one has changed the list; it returns how to stop that. */
export function onRecent(listener: () => void): () => void {
  const elsewhere = (event: StorageEvent) => {
    if (event.key === key || event.key === null) listener()
  }
  listeners.add(listener)
  addEventListener("storage", elsewhere)
  return () => {
    listeners.delete(listener)
    removeEventListener("storage", elsewhere)
  }
}

function same(a: Place, b: Place): boolean {
  return a.kind === b.kind && a.name === b.name
}

/** Writes the list; where it is too long or the browser's storage is full, with fewer thumbnails, the newest last. */
function keep(list: Recent[]): void {
  let kept = list
  for (;;) {
    const text = JSON.stringify(kept)
    if (text.length <= room && stored(text)) {
      seen = { text, list: kept }
      break
    }
    const oldest = kept.findLastIndex((entry) => entry.thumbnail !== undefined)
    const entry = kept[oldest]
    if (!entry) {
      seen = { ...seen, list }
      break
    }
    const { thumbnail, ...bare } = entry
    kept = kept.with(oldest, bare)
  }
  for (const listener of listeners) listener()
}

function stored(text: string): boolean {
  try {
    localStorage.setItem(key, text)
    return true
  } catch {
    return false
  }
}

/** Reads what is stored, which anything of this origin may have written. */
function parse(text: string | null): Recent[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]")
    if (!Array.isArray(list)) return []
    return ordered(list.map(checked).filter((entry) => entry !== undefined))
  } catch {
    return []
  }
}

function ordered(list: Recent[]): Recent[] {
  return list.sort((a, b) => b.at - a.at).slice(0, most)
}

/** Returns an entry with what is sound of it; undefined if it is of no document. */
function checked(entry: unknown): Recent | undefined {
  const { kind, name, title, thumbnail, at } = (entry ?? {}) as Partial<Record<keyof Recent, unknown>>
  if ((kind !== "board" && kind !== "text") || typeof name !== "string") return undefined
  if (!isName(name) || typeof at !== "number" || Number.isNaN(new Date(at).getTime())) return undefined
  return {
    kind,
    name,
    at,
    ...(typeof title === "string" && title !== "" && { title: beginningOf(title, longestTitle) }),
    ...(typeof thumbnail === "string" &&
      thumbnail.length <= longestThumbnail &&
      (kind === "text" || thumbnail.startsWith("data:image/")) && { thumbnail }),
  }
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}
