// The threads of a board as the page shows them. Others wrote them, by whatever program: what makes no sense is left out
// or gets a default, and there is a most of everything, so that no page breaks by it.

import * as A from "@automerge/automerge/slim"
import { beginningOf } from "../look/beginning.ts"
import { colours } from "../people/colours.ts"
import { nameLength } from "../people/me.ts"
import { inOrder } from "./ids.ts"

export interface Remark {
  id: string
  text: string
  name: string
  colour: string
  /** Unix ms; undefined if it says none that can be. */
  at: number | undefined
  edited: boolean
}

/** A thread that has at least one note. It stays the same object until something in it changes. */
export interface Thread {
  id: string
  x: number
  y: number
  resolved: boolean
  /** In the order of their ids: the first, and the newest, `notesMost` at most. */
  notes: Remark[]
  /** How many notes there are, those that are not in `notes` too. */
  count: number
}

/** More threads than this are not shown: the newest, open ones first. */
export const threadsMost = 500

/** More notes of a thread are not shown. */
export const notesMost = 300

/** The longest text of a note, in UTF-16 units; what is longer is cut when it is shown. */
export const textLength = 5000

/** How far from the middle a thread may be, in pixels, as elements may. */
const far = 1e6

const idLength = 64
const read = new WeakMap<object, Thread | { id: string; none: true }>()

/** Returns the threads of `comments` of a board, oldest first. */
export function readThreads(comments: unknown): Thread[] {
  if (!record(comments)) return []
  const threads: Thread[] = []
  for (const [id, comment] of Object.entries(comments)) {
    const thread = record(comment) && id.length <= idLength ? readOnce(id, comment) : undefined
    if (thread) threads.push(thread)
  }
  threads.sort(byId)
  if (threads.length <= threadsMost) return threads
  const open = threads.filter(({ resolved }) => !resolved).slice(-threadsMost)
  const rest = threads.filter(({ resolved }) => resolved)
  return [...rest.slice(Math.max(0, rest.length - (threadsMost - open.length))), ...open].sort(byId)
}

/** Automerge replaces the objects that changed and keeps the others. */
function readOnce(id: string, comment: Record<string, unknown>): Thread | undefined {
  let known = read.get(comment)
  if (known?.id !== id) {
    known = readThread(id, comment) ?? { id, none: true }
    read.set(comment, known)
  }
  return "none" in known ? undefined : known
}

function readThread(id: string, { x, y, resolved, notes }: Record<string, unknown>): Thread | undefined {
  if (!record(notes)) return undefined
  const all = Object.entries(notes)
    .sort(([a], [b]) => inOrder(a, b))
    .flatMap(([id, note]) => (id.length <= idLength && record(note) ? readNote(id, note) : []))
  const [first] = all
  if (!first) return undefined
  const shown = all.length > notesMost ? [first, ...all.slice(1 - notesMost)] : all
  return {
    id,
    x: coordinate(x),
    y: coordinate(y),
    resolved: resolved === true,
    notes: shown,
    count: all.length,
  }
}

function readNote(id: string, note: Record<string, unknown>): Remark[] {
  const text = word(note.text).trim()
  if (text === "") return []
  const [name, colour] = [beginningOf(word(note.name).trim(), nameLength), word(note.colour)]
  return [
    {
      id,
      text: text.length > textLength ? `${beginningOf(text, textLength)}…` : text,
      name: name || "Somebody",
      colour: colours.includes(colour) ? colour : "#495057",
      at: time(note.at),
      edited: time(note.edited) !== undefined,
    },
  ]
}

function record(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && !Array.isArray(v) && !A.isImmutableString(v)
}

function word(v: unknown): string {
  return typeof v === "string" ? v : A.isImmutableString(v) ? v.toString() : ""
}

function coordinate(v: unknown): number {
  return typeof v === "number" && !Number.isNaN(v) ? Math.min(Math.max(v, -far), far) : 0
}

/** A time that a clock may have shown: from 2000 to 2100. */
function time(v: unknown): number | undefined {
  return typeof v === "number" && v > 946_684_800_000 && v < 4_102_444_800_000 ? v : undefined
}

function byId(a: Thread, b: Thread): number {
  return inOrder(a.id, b.id)
}
