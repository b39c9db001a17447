import * as Y from "yjs"
import { fromBase64, toBase64 } from "../base64.ts"
import type { Connection } from "../connection.ts"
import type { LocalCopy } from "../copy.ts"
import type { Doc } from "../doc.ts"
import { BatonError } from "../errors.ts"
import type { Op } from "../opstream.ts"
import { snapshots, storeSnapshot } from "../snapshot.ts"
import { again, halves } from "./split.ts"

/** What makes snapshots: Yjs does not know its version, so it is the least that this package takes. */
const maker = "yjs 13.6"

/**
 * The replica of a document on a connection, which all who have it there share. Each has a Y.Doc, or the same; what
 * comes into it from elsewhere has the origin `by`.
 */
export function replicaOf(
  connection: Connection,
  name: string,
  doc: Y.Doc,
  by: object,
  copy?: LocalCopy,
): Replica {
  const there = connection.find(name)
  if (!(there?.binding instanceof Replica)) return new Replica(connection, name, doc, by, copy)
  there.share()
  there.binding.add(doc, by)
  return there.binding
}

/** What a page has of a document, and its counterpart at the relay. */
export class Replica {
  readonly document: Doc
  /** All of them hold the same; and who brought each. */
  #docs = new Map<Y.Doc, object[]>()
  /** One of them, or the last that was. */
  #doc: Y.Doc
  #unsent: Uint8Array[] = []
  /** The relay may not have said yet how much it takes. */
  #early = true
  /** What the relay would not take; undefined: there is no such thing. */
  #refused: Uint8Array | undefined
  #flushing = false
  /** What came from the relay, or was sent there, before the next sync. */
  #known: Uint8Array[] | undefined = []
  /** A Y.Doc got something elsewhere before that, such as its own storage: what of it the relay lacks is not known. */
  #held = false
  #off: (() => void)[] = []

  constructor(connection: Connection, name: string, doc: Y.Doc, by: object, copy?: LocalCopy) {
    this.#doc = doc
    if (copy) copy.save = () => ({ format: "yjs", blob: Y.encodeStateAsUpdate(this.#doc) })
    this.document = connection.enter(name, {
      format: "yjs",
      snapshots: snapshots((blob) => this.#load(blob)),
      ...(copy && { copy }),
    })
    const { document } = this
    document.binding = this
    this.#off.push(
      document.ops.on((batch) => this.#take(batch)),
      document.on("status", () => this.#changed()),
      document.on("compact", () => void this.compact()),
    )
    this.add(doc, by)
  }

  /** Has one more Y.Doc hold the document. What it has already and the others have not they get. */
  add(doc: Y.Doc, by: object): void {
    const there = this.#docs.get(doc)
    if (there) return void there.push(by)
    this.#docs.set(doc, [by])
    doc.on("update", this.#local)
    if (doc === this.#doc) {
      if (doc.store.clients.size > 0) this.#hold()
      return
    }
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVector(doc)), by)
    if (Y.equalSnapshots(Y.snapshot(doc), Y.snapshot(this.#doc))) return
    this.#wrote(doc, Y.encodeStateAsUpdate(doc, Y.encodeStateVector(this.#doc)), false)
  }

  /** Leaves a Y.Doc as it is. With the last one the document is left. */
  remove(doc: Y.Doc, by: object): void {
    this.#flush()
    const there = this.#docs.get(doc) ?? []
    there.splice(there.indexOf(by), 1)
    if (there.length === 0) {
      doc.off("update", this.#local)
      this.#docs.delete(doc)
    }
    const [next] = this.#docs.keys()
    if (next) this.#doc = next
    else for (const off of this.#off.splice(0).reverse()) off()
    this.document.leave()
  }

  #local = (update: Uint8Array, origin: unknown, doc: Y.Doc, { local }: Y.Transaction): void => {
    if (!this.#docs.get(doc)?.some((by) => by === origin)) this.#wrote(doc, update, local)
  }

  /** Takes what was written into one Y.Doc: `local` by the application, else as it came from elsewhere. */
  #wrote(doc: Y.Doc, update: Uint8Array, local: boolean): void {
    for (const [other, [by]] of this.#docs) if (other !== doc) Y.applyUpdate(other, update, by)
    if (!local && this.#known) return this.#hold()
    this.#unsent.push(update)
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.#flush())
  }

  /** Leaves what the Y.Doc has beyond the relay until all that the relay has is here. */
  #hold(): void {
    this.#held = true
    this.document.saved.hold()
  }

  /** Makes one op of what was written since the last. */
  #flush(): void {
    this.#flushing = false
    if (this.#refused && this.document.refusal) return // until somebody has looked at it
    if (this.#refused) this.#unsent.unshift(again(this.#doc, this.#refused))
    this.#refused = undefined
    const updates = this.#unsent.splice(0)
    if (!updates[0]) return
    const update = updates.length === 1 ? updates[0] : Y.mergeUpdates(updates)
    try {
      this.#append(update)
    } catch (error) {
      // What was written is in the Y.Doc, and stays.
      this.#refused = update
      if (tooLarge(error)) this.document.refuse(error)
      else this.document.report(error)
    }
  }

  /** Makes an op of an update, or as many as it takes. */
  #append(update: Uint8Array): void {
    try {
      this.document.append(toBase64(update))
    } catch (error) {
      const parts = tooLarge(error) ? halves(this.#doc, update) : undefined
      if (!parts) throw error
      for (const part of parts) this.#append(part)
      return
    }
    this.#known?.push(update)
  }

  #take(batch: Op[]): void {
    const updates: Uint8Array[] = []
    for (const op of batch) {
      if (op.redacted) continue
      try {
        updates.push(fromBase64(String(op.payload)))
      } catch (error) {
        this.document.report(error, op)
      }
    }
    this.#known?.push(...updates)
    this.#apply(updates)
  }

  #load(blob: Uint8Array): void {
    Y.decodeUpdate(blob) // applyUpdate keeps what it has read when it fails
    for (const [doc, [by]] of this.#docs) Y.applyUpdate(doc, blob, by)
    this.#known?.push(blob)
  }

  /** Applies updates in one transaction; one that Yjs cannot read is left out. */
  #apply(updates: Uint8Array[]): void {
    for (const [doc, [by]] of this.#docs) {
      doc.transact(() => {
        for (const update of updates) {
          try {
            Y.applyUpdate(doc, update, by)
          } catch (error) {
            if (doc === this.#doc) this.document.report(error)
          }
        }
      }, by)
    }
  }

  /** Goes on after `refused` or `diverged`: what the Y.Docs have and the relay has not is sent anew. */
  recover(): void {
    if (this.document.retry()) return
    this.#unsent = []
    this.#refused = undefined
    this.#known = []
    this.document.restart()
    this.#hold()
  }

  #changed(): void {
    const { state, access } = this.document.status
    const here = state === "live" || state === "read-only"
    const { error, op } = this.document.refusal ?? {}
    const large = this.#early && op && tooLarge(error)
    if (here || large) this.#early = false
    if (large) return this.recover() // it can be cut now
    if (here && this.#known) this.#publish(this.#known)
    if (access?.includes("write")) this.#flush()
  }

  /** Sends what of the Y.Doc the relay lacks, once all that the relay has is here. */
  #publish(known: Uint8Array[]): void {
    this.#known = undefined
    if (!this.#held) return
    this.#held = false
    const logged = new Y.Doc()
    logged.transact(() => {
      for (const update of known) {
        try {
          Y.applyUpdate(logged, update)
        } catch {
          // It was reported when it came.
        }
      }
    })
    if (!Y.equalSnapshots(Y.snapshot(logged), Y.snapshot(this.#doc))) {
      this.#unsent.push(Y.encodeStateAsUpdate(this.#doc, Y.encodeStateVector(logged)))
      this.#flush()
    }
    logged.destroy()
    this.document.saved.release()
  }

  /** Stores its state at the relay. Returns false if this is not the moment. */
  async compact(): Promise<boolean> {
    this.#flush()
    if (this.#refused) return false // it is in the Y.Doc, and not in the log
    try {
      return await storeSnapshot(this.document, { format: "yjs", maker }, () => {
        const blob = Y.encodeStateAsUpdate(this.#doc)
        const again = new Y.Doc()
        Y.applyUpdate(again, blob)
        if (!Y.equalSnapshots(Y.snapshot(again), Y.snapshot(this.#doc))) {
          throw new BatonError("damaged", "the saved state is another once it is loaded")
        }
        return blob
      })
    } catch (error) {
      this.document.report(error)
      return false
    }
  }
}

function tooLarge(error: unknown): error is BatonError {
  return error instanceof BatonError && error.code === "too_large"
}
