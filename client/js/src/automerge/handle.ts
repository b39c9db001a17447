import * as A from "@automerge/automerge/slim"
import { Emitter } from "../emitter.ts"

/** Who holds an Automerge document: a `DocHandle` of automerge-repo is one, and {@link PlainHandle}. */
export interface Handle<T> {
  doc(): A.Doc<T>
  /** Puts what the callback makes of the document in its place. */
  update(callback: (doc: A.Doc<T>) => A.Doc<T>): void
  on(event: "heads-changed", listener: () => void): unknown
  off(event: "heads-changed", listener: () => void): unknown
}

/** A document held by itself. */
export class PlainHandle<T> extends Emitter<{ "heads-changed": undefined }> implements Handle<T> {
  #doc: A.Doc<T>

  constructor(doc: A.Doc<T>) {
    super()
    this.#doc = doc
  }

  doc(): A.Doc<T> {
    return this.#doc
  }

  update(callback: (doc: A.Doc<T>) => A.Doc<T>): void {
    const before = A.getHeads(this.#doc).join()
    this.#doc = callback(this.#doc)
    if (A.getHeads(this.#doc).join() !== before) this.emit("heads-changed", undefined)
  }
}

const sharedActor = "00".repeat(16)

/**
 * Makes a change that every replica of a document begins with, so that all of them have the same objects: without it two
 * people who open an empty document each make their own lists and maps, and only those of one stay. `make` must do the
 * same each time.
 */
export function firstChange<T>(make: A.ChangeFn<T>): Uint8Array {
  const doc = A.change(A.init<T>({ actor: sharedActor }), { time: 0 }, make)
  const change = A.getLastLocalChange(doc)
  if (!change) throw new TypeError("the first change of a document must change something")
  return change
}
