// What of an element is to be written, and how it is written: each property so that it merges well.

import * as A from "@automerge/automerge/slim"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { type Board, groups, type Kind, kindsOf, linkKey, linksOf, type Plain, storedOf } from "./schema.ts"
import { type Shared, samePlain, sharedOf } from "./shared.ts"

/** What is to be written of an element. */
export interface Edit {
  element: ExcalidrawElement
  /** What it looks like as a whole to everybody. */
  plain: Map<string, Plain>
  /** How the editor's differs from that. */
  shared: Shared
  /** What of it differs, in the order of writing. */
  props: Map<string, { kind: Kind; value: Plain; was: Plain }>
  /** Those that `plain` was taken of: Excalidraw changes elements in place. */
  version: number
  nonce: number
}

/** Works out how an element differs from what was agreed on, if anything was. */
export function editOf(element: ExcalidrawElement, agreed?: Map<string, Plain>): Edit {
  const shared = sharedOf(element, agreed)
  const { plain } = shared
  const kinds = kindsOf(element.type) ?? {}
  const props: Edit["props"] = new Map()
  const add = (name: string, kind: Kind) =>
    props.set(name, { kind, value: plain.get(name), was: agreed?.get(name) })
  for (const [name, kind] of Object.entries(kinds)) {
    if (!samePlain(plain.get(name), agreed?.get(name))) add(name, kind)
  }
  for (const group of groups) {
    // Written in one order and last, so that one person's whole group wins.
    if (!agreed || !group.some((name) => props.has(name))) continue
    for (const name of group) {
      props.delete(name)
      if (kinds[name]) add(name, kinds[name])
    }
  }
  return { element, plain, shared, props, version: element.version, nonce: element.versionNonce }
}

/** Returns where the letters of an element's text are. */
export function textPath(id: string): string[] {
  return ["elements", id, "originalText"]
}

/** Writes an edit; with `merges` not its text, which the caller does. Returns whether there is such a text. */
export function writeEdit(d: Board, edit: Edit, merges: boolean): boolean {
  const { id } = edit.element
  const target = d.elements[id]
  if (!isElement(target)) {
    const fresh = {}
    writeProps(fresh, editOf(edit.element).props)
    d.elements[id] = fresh
    return false
  }
  const text = edit.props.get("originalText")
  const letters = text && typeof target.originalText === "string"
  const props = new Map(edit.props)
  if (letters) props.delete("originalText")
  writeProps(target, props)
  if (letters && !merges) A.updateText(d, textPath(id), text.value as string)
  return letters === true && merges
}

function writeProps(into: Record<string, unknown>, props: Edit["props"]): void {
  // Automerge does not write what is there already, and of a group all is to be written.
  for (const name of groups.flat()) {
    if (props.has(name) && into[name] === props.get(name)?.value) delete into[name]
  }
  for (const [name, { kind, value, was }] of props) {
    const there = into[name]
    const more = growth(value, was)
    if (kind === "links") writeLinks(into, linksOf(value), linksOf(was))
    else if (more && Array.isArray(there) && there.length === (was as number[]).length) there.push(...more)
    else if (value === undefined) delete into[name]
    else into[name] = storedOf(kind, value)
  }
}

function writeLinks(into: Record<string, unknown>, now: Map<string, string>, was: Map<string, string>): void {
  for (const id of was.keys()) if (!now.has(id)) delete into[linkKey(id)]
  for (const [id, type] of now) if (was.get(id) !== type) into[linkKey(id)] = storedOf("word", type)
}

/** Returns by what a list has become longer; undefined if it is another. */
function growth(now: Plain, was: Plain): number[] | undefined {
  if (!Array.isArray(now) || !Array.isArray(was) || now.length < was.length) return undefined
  return was.every((n, i) => n === now[i]) ? now.slice(was.length) : undefined
}

function isElement(stored: unknown): stored is Record<string, unknown> {
  return (
    typeof stored === "object" && stored !== null && A.isImmutableString((stored as { type?: unknown }).type)
  )
}
