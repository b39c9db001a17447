// A text as it was: built from the log's updates, at any moment, with who wrote which part of it.

import * as Y from "yjs"
import type { Log, Moment, ReadOptions } from "../history/log.ts"
import { piecesOf } from "./plain.ts"

/** A stretch of a text that one actor has written. */
export interface Stretch {
  from: number
  to: number
  /** "" where it is not known. */
  actor: string
  /** Whether it came with the very moment that is shown. */
  new: boolean
}

export interface PastText {
  text: string
  stretches: Stretch[]
}

/** There are so many states kept at most, between which updates are applied again. */
const mostKeys = 64

/** At least so many updates lie between two of them. */
const leastStep = 256

/** How long to work without letting the page do anything else, ms. */
const slice = 12

/** The past of a text, by how many moments of its log have happened. */
export class Past {
  readonly log: Log
  #updates: (Uint8Array | undefined)[]
  /** Who writes as a Yjs client. */
  #actors = new Map<number, string>()
  /** States by index, the first at 0. */
  #keys: { index: number; state: Uint8Array }[] = []
  #doc = new Y.Doc()
  #index = 0

  private constructor(log: Log) {
    this.log = log
    this.#updates = log.moments.map(updateOf)
    if (log.base && !apply(this.#doc, log.base.state)) log.base.state = undefined // it is none that can be shown
    this.#keep()
  }

  /** Reads all of a log once. The page goes on meanwhile. */
  static async open(log: Log, { progress, signal }: ReadOptions = {}): Promise<Past> {
    const past = new Past(log)
    const { length } = log.moments
    const step = Math.max(leastStep, Math.ceil(length / mostKeys))
    let began = performance.now()
    while (past.#index < length) {
      past.#forward(Math.min(length, past.#index + step))
      past.#keep()
      if (performance.now() - began < slice) continue
      progress?.(past.#index / length)
      await new Promise((resolve) => setTimeout(resolve))
      signal?.throwIfAborted()
      began = performance.now()
    }
    for (const [i, update] of past.#updates.entries()) past.#note(update, log.moments[i] as Moment)
    return past
  }

  /** Returns the text after so many moments, from 0 to all. */
  at(index: number): PastText {
    this.#seek(index)
    const now = metaOf(index > 0 ? this.#updates[index - 1] : undefined)
    const pieces: string[] = []
    const stretches: Stretch[] = []
    let at = 0
    for (const { text, client, clock } of piecesOf(this.#doc.getText("text"))) {
      pieces.push(text)
      const actor = this.#actors.get(client) ?? ""
      // What came with the update may be the middle of a piece.
      const begin = within(now?.from.get(client) ?? 0, clock, text.length)
      const end = within(now?.to.get(client) ?? 0, clock, text.length)
      add(stretches, { from: at, to: at + begin, actor, new: false })
      add(stretches, { from: at + begin, to: at + end, actor, new: true })
      add(stretches, { from: at + end, to: at + text.length, actor, new: false })
      at += text.length
    }
    return { text: pieces.join(""), stretches }
  }

  #seek(index: number): void {
    const key = this.#keys.findLast((key) => key.index <= index)
    if (key && (index < this.#index || key.index > this.#index)) {
      this.#doc.destroy()
      this.#doc = new Y.Doc()
      apply(this.#doc, key.state)
      this.#index = key.index
    }
    this.#forward(index)
  }

  #forward(index: number): void {
    this.#doc.transact(() => {
      for (; this.#index < index; this.#index++) apply(this.#doc, this.#updates[this.#index])
    })
  }

  #keep(): void {
    this.#keys.push({ index: this.#index, state: Y.encodeStateAsUpdate(this.#doc) })
  }

  /** Notes who the clients of an update are. The first one to write as a client is it. */
  #note(update: Uint8Array | undefined, { actor }: Moment): void {
    for (const client of metaOf(update)?.from.keys() ?? []) {
      if (!this.#actors.has(client)) this.#actors.set(client, actor)
    }
  }
}

function within(clock: number, begin: number, length: number): number {
  return Math.max(0, Math.min(length, clock - begin))
}

function add(stretches: Stretch[], stretch: Stretch): void {
  if (stretch.from === stretch.to) return
  const last = stretches.at(-1)
  if (last?.actor === stretch.actor && last.new === stretch.new) last.to = stretch.to
  else stretches.push(stretch)
}

/** Undefined where there is none, or where it is no base64. */
function updateOf({ payload }: Moment): Uint8Array | undefined {
  try {
    return typeof payload === "string" ? Uint8Array.from(atob(payload), (c) => c.charCodeAt(0)) : undefined
  } catch {
    return undefined
  }
}

/** Applies an update; what Yjs cannot read, as somebody's program wrote it, changes nothing, as in the live text. */
function apply(doc: Y.Doc, update: Uint8Array | undefined): boolean {
  if (!update) return false
  try {
    Y.applyUpdate(doc, update)
    return true
  } catch {
    return false
  }
}

function metaOf(update: Uint8Array | undefined): ReturnType<typeof Y.parseUpdateMeta> | undefined {
  try {
    return update && Y.parseUpdateMeta(update)
  } catch {
    return undefined
  }
}
