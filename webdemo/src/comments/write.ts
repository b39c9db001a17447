// What people do to threads, as changes of a board's document.

import * as A from "@automerge/automerge/slim"
import type { Author } from "../binding/author.ts"
import type { Board, Note } from "../binding/schema.ts"
import { idAfter, inOrder } from "./ids.ts"

/** Pins a new thread, and returns the id of its first note. */
export function begin(d: Board, thread: string, place: { x: number; y: number }, note: Note): string {
  const id = idAfter()
  d.comments[thread] = { x: round(place.x), y: round(place.y), resolved: false, notes: { [id]: note } }
  return id
}

/** Adds a note to a thread, which is open again then. Returns the note's id. */
export function reply(d: Board, thread: string, note: Note): string {
  const comment = commentOf(d, thread)
  const newest = Object.keys(comment.notes).sort(inOrder).at(-1)
  const id = idAfter(newest)
  comment.notes[id] = note
  if (comment.resolved) comment.resolved = false
  return id
}

export function resolve(d: Board, thread: string, resolved: boolean): void {
  commentOf(d, thread).resolved = resolved
}

export function move(d: Board, thread: string, place: { x: number; y: number }): void {
  const comment = commentOf(d, thread)
  // Automerge does not write what is as it was, and another's x would come to this y.
  delete (comment as Partial<typeof comment>).x
  delete (comment as Partial<typeof comment>).y
  comment.x = round(place.x)
  comment.y = round(place.y)
}

export function rewrite(d: Board, thread: string, note: string, text: string): void {
  const written = commentOf(d, thread).notes[note]
  if (!written) throw new Error("It is not there any more.")
  written.text = text
  written.edited = Date.now()
}

/** Takes a note away. The thread stays, and is not shown without notes: another may be replying just now. */
export function remove(d: Board, thread: string, note: string): void {
  delete commentOf(d, thread).notes[note]
}

export function noteOf(text: string, { name, colour }: Author): Note {
  return { text, name: new A.ImmutableString(name), colour: new A.ImmutableString(colour), at: Date.now() }
}

function commentOf(d: Board, thread: string) {
  const comment = d.comments[thread]
  if (!comment) throw new Error("It is not there any more.")
  return comment
}

function round(n: number): number {
  return Math.round(n * 100) / 100
}
