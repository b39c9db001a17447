// The text as a string, for whatever need not keep up with each key: preview, counts, title.

import { useSyncExternalStore } from "react"
import type * as Y from "yjs"
import { beginningOf } from "../look/beginning.ts"

/** At least so long between two readings, ms. */
const pause = 150

/** At most so long waiting for an idle moment, ms. */
const patience = 500

/** A text's newest content that there was time to read. */
export class Content {
  #value: string
  #text: Y.Text
  #due = false
  #listeners = new Set<() => void>()

  constructor(text: Y.Text) {
    this.#text = text
    this.#value = text.toString()
    text.observe(() => this.#later())
  }

  get = (): string => this.#value

  /** For useSyncExternalStore. */
  on = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #later(): void {
    if (this.#due) return
    this.#due = true
    setTimeout(() => whenIdle(() => this.#read()), pause)
  }

  #read(): void {
    this.#due = false
    this.#value = this.#text.toString()
    for (const listener of this.#listeners) listener()
  }
}

export function useContent(content: Content): string {
  return useSyncExternalStore(content.on, content.get)
}

/** Not every browser says when it has time. */
function whenIdle(call: () => void): void {
  if ("requestIdleCallback" in globalThis) requestIdleCallback(call, { timeout: patience })
  else setTimeout(call)
}

/** So much of a heading is looked at, in UTF-16 units: a name has a fraction of it. */
const mostOfHeading = 1000

/** The first heading, without its marks; undefined if there is none. */
export function headingOf(source: string): string | undefined {
  // Each expression here takes time that grows with the text's length, whatever the text is.
  for (const { index } of source.matchAll(/^ {0,3}#{1,6}[ \t]/gm)) {
    const end = source.indexOf("\n", index)
    const line = source.slice(index, end < 0 ? source.length : end)
    const heading = withoutClosing(line.slice(line.indexOf("#")).replace(/^#+/, "").trim())
    if (heading) return plainOf(beginningOf(heading, mostOfHeading)) || undefined
  }
  return undefined
}

/** Takes away the # that may end a heading, after a space. */
function withoutClosing(heading: string): string {
  let end = heading.length
  while (heading[end - 1] === "#") end--
  return end === 0 || /\s/.test(heading[end - 1] as string) ? heading.slice(0, end).trimEnd() : heading
}

function plainOf(heading: string): string {
  const plain = heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`~]/g, "")
    .trim()
  return beginningOf(plain, 100)
}

/** Of scripts without spaces each character counts as a word, as elsewhere. */
const word =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}\p{M}]+(?:['’.-][\p{L}\p{N}\p{M}]+)*/gu

export function countOf(source: string): { words: number; characters: number } {
  let words = 0
  for (const _ of source.matchAll(word)) words++
  let characters = 0
  for (const _ of source) characters++
  return { words, characters }
}
