/**
 * Yjs in CodeMirror: what y-codemirror.next does, with a binding of our own between the editor and the Y.Text.
 *
 * That of y-codemirror.next writes what CodeMirror says of a change, which may begin or end inside a character: an input
 * method that puts one emoji in the place of another changes half of it. Yjs takes no half, and puts two U+FFFD there,
 * for everybody but the author. It also trusts that what comes is text only, and goes wrong for good if it is not.
 */
import { type Annotation, type Extension, type Text, Transaction } from "@codemirror/state"
import { type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from "@codemirror/view"
import { yCollab, ySync, ySyncAnnotation, ySyncFacet } from "y-codemirror.next"
import * as Y from "yjs"

/** What is replaced in a text: what lies between `from` and `to`. */
interface Edit {
  from: number
  to: number
  insert: string
}

/** Stands for a thing that is no text: OBJECT REPLACEMENT CHARACTER. */
const thing = "\ufffc"

/** How long the editor and the Y.Text may differ unnoticed, ms. */
const glance = 1000

/** The extensions that `yCollab` returns, with the binding of this file in the place of its own. */
export function collab(...args: Parameters<typeof yCollab>): Extension {
  const extensions = yCollab(...args) as Extension[]
  if (!extensions.includes(ySync)) {
    throw new Error(
      "y-codemirror.next has no ySync among the extensions of yCollab: this version is not supported",
    )
  }
  return extensions.map((extension) => (extension === ySync ? sync : extension))
}

/**
 * What an editor shows of a Y.Text: begin with it. A thing in it that is no text is one character, as it is one in the
 * Y.Text, so that positions are the same in both.
 */
export function textOf(text: Y.Text): string {
  return plain(text).text
}

function plain(text: Y.Text): { text: string; strange: boolean } {
  const pieces: string[] = []
  let strange = false
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !item.countable) continue
    const { content } = item
    if (!(content instanceof Y.ContentString)) strange = true
    pieces.push(content instanceof Y.ContentString ? content.str : thing.repeat(item.length))
  }
  return { text: pieces.join(""), strange }
}

class Sync implements PluginValue {
  #view: EditorView
  #conf
  #text: Y.Text
  /** There is more than text: Yjs's own deltas do not count all of it. */
  #strange: boolean
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(view: EditorView) {
    this.#view = view
    this.#conf = view.state.facet(ySyncFacet)
    this.#text = this.#conf.ytext
    this.#strange = plain(this.#text).strange
    this.#text.observe(this.#take)
  }

  destroy(): void {
    this.#text.unobserve(this.#take)
    clearTimeout(this.#timer)
  }

  #take = (event: Y.YTextEvent, { origin }: Y.Transaction): void => {
    if (origin === this.#conf) return
    const came = this.#strange ? undefined : editsOf(event)
    if (came) this.#show(came)
    if (came && this.#view.state.doc.length === this.#text.length) this.#compareLater()
    else this.#compare()
  }

  /** Somebody's program may have cut a character: then both have the same length, and not the same content. */
  #compareLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#view.composing) this.#compareLater()
      else this.#compare()
    }, glance)
  }

  /** Where the editor and the Y.Text differ, shows what the Y.Text has. */
  #compare(): void {
    const { text, strange } = plain(this.#text)
    this.#strange = strange
    const shown = this.#view.state.sliceDoc()
    if (text !== shown) this.#show([difference(shown, text)])
  }

  #show(changes: Edit[]): void {
    const annotations = [ySyncAnnotation.of(this.#conf), Transaction.remote.of(true)] as Annotation<unknown>[]
    const { length } = this.#view.state.doc
    if (changes.every(({ to }) => to <= length)) this.#view.dispatch({ changes, annotations })
  }

  update({ transactions, docChanged, changes, startState }: ViewUpdate): void {
    if (!docChanged || transactions.some((tr) => tr.annotation(ySyncAnnotation) === this.#conf)) return
    this.#text.doc?.transact(() => {
      let shift = 0
      changes.iterChanges((fromA, toA, _, __, inserted) => {
        const change = { from: fromA, to: toA, insert: inserted.sliceString(0, inserted.length, "\n") }
        const { from, to, insert } = wholeCharacters(change, startState.doc)
        if (to > from) this.#text.delete(from + shift, to - from)
        if (insert) this.#text.insert(from + shift, insert)
        shift += insert.length - (to - from)
      })
    }, this.#conf)
    this.#compareLater()
  }
}

/** Needs ySyncFacet. */
const sync = ViewPlugin.fromClass(Sync)

/** What an event changes in a text; undefined if there is more than text in it. */
function editsOf(event: Y.YTextEvent): Edit[] | undefined {
  const found: Edit[] = []
  let at = 0
  for (const { insert, delete: gone = 0, retain = 0 } of event.delta) {
    if (insert !== undefined && typeof insert !== "string") return undefined
    if (insert || gone) found.push({ from: at, to: at + gone, insert: insert ?? "" })
    at += gone + retain
  }
  return found
}

/** Widens an edit of `doc` so that it cuts no character in two; half a character that is left over is U+FFFD, as in Yjs. */
function wholeCharacters({ from, to, insert }: Edit, doc: Text): Edit {
  const before = isWithin(doc, from) ? doc.sliceString(from - 1, from) : ""
  const after = isWithin(doc, to) ? doc.sliceString(to, to + 1) : ""
  const whole = (before + insert + after).replace(/\p{Surrogate}/gu, "\ufffd")
  return { from: from - before.length, to: to + after.length, insert: whole }
}

/** Whether a position is inside a surrogate pair. */
function isWithin(doc: Text, at: number): boolean {
  return at > 0 && at < doc.length && /^[\ud800-\udbff][\udc00-\udfff]$/.test(doc.sliceString(at - 1, at + 1))
}

/** Returns the edit that makes `now` of `was`. It cuts no surrogate pair in two. */
function difference(was: string, now: string): Edit {
  const most = Math.min(was.length, now.length)
  let start = 0
  while (start < most && was[start] === now[start]) start++
  if (start > 0 && /[\ud800-\udbff]/.test(was[start - 1] as string)) start--
  let end = 0
  while (end < most - start && was.at(-1 - end) === now.at(-1 - end)) end++
  if (end > 0 && /[\udc00-\udfff]/.test(was.at(-end) as string)) end--
  return { from: start, to: was.length - end, insert: now.slice(start, now.length - end) }
}
