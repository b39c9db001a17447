// The editor and the Y.Text, kept the same. The plugin of y-codemirror.next trusts that what comes is text only, and
// goes wrong for good if it is not; this one compares, and where they differ takes what the Y.Text has.

import { type Annotation, Transaction } from "@codemirror/state"
import { type EditorView, type PluginValue, ViewPlugin, type ViewUpdate } from "@codemirror/view"
import { ySyncAnnotation, ySyncFacet } from "y-codemirror.next"
import type * as Y from "yjs"
import { type Edit, edits } from "./diff.ts"
import { plain } from "./plain.ts"

class Sync implements PluginValue {
  #view: EditorView
  #conf
  #text: Y.Text
  /** There is more than text: Yjs's own deltas do not count all of it. */
  #strange: boolean

  constructor(view: EditorView) {
    this.#view = view
    this.#conf = view.state.facet(ySyncFacet)
    this.#text = this.#conf.ytext
    this.#strange = plain(this.#text).strange
    this.#text.observe(this.#take)
  }

  destroy(): void {
    this.#text.unobserve(this.#take)
  }

  #take = (event: Y.YTextEvent, { origin }: Y.Transaction): void => {
    if (origin === this.#conf) return
    const came = this.#strange ? undefined : editsOf(event)
    if (came) this.#show(came)
    if (came && this.#view.state.doc.length === this.#text.length) return
    const now = plain(this.#text)
    this.#strange = now.strange
    this.#show(edits(this.#view.state.sliceDoc(), now.text))
  }

  #show(changes: Edit[]): void {
    const annotations = [ySyncAnnotation.of(this.#conf), Transaction.remote.of(true)] as Annotation<unknown>[]
    const { length } = this.#view.state.doc
    if (changes.every(({ to }) => to <= length)) this.#view.dispatch({ changes, annotations })
  }

  update({ transactions, docChanged, changes }: ViewUpdate): void {
    if (!docChanged || transactions.some((tr) => tr.annotation(ySyncAnnotation) === this.#conf)) return
    this.#text.doc?.transact(() => {
      let shift = 0
      changes.iterChanges((from, to, _, __, insert) => {
        const text = insert.sliceString(0, insert.length, "\n")
        if (to > from) this.#text.delete(from + shift, to - from)
        if (text) this.#text.insert(from + shift, text)
        shift += text.length - (to - from)
      })
    }, this.#conf)
  }
}

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

/** Needs ySyncFacet. */
export const sync = ViewPlugin.fromClass(Sync)
