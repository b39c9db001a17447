/**
 * Yjs over Baton: a provider in the shape that Yjs editors know, so that their bindings work as they are.
 *
 * Each op is one v1 update, in base64; those of one turn of the event loop are one op.
 */
import { Awareness } from "y-protocols/awareness"
import * as Y from "yjs"
import { fromBase64, toBase64 } from "../base64.ts"
import { type Connection, type ConnectOptions, connect } from "../connection.ts"
import type { LocalCopy } from "../copy.ts"
import type { Doc, Status } from "../doc.ts"
import { Emitter } from "../emitter.ts"
import { BatonError } from "../errors.ts"
import type { Op } from "../opstream.ts"
import { snapshots, storeSnapshot } from "../snapshot.ts"
import { bindAwareness } from "./awareness.ts"
import { again, halves } from "./split.ts"

export interface ProviderOptions extends ConnectOptions {
  /** Left out: a new one. */
  awareness?: Awareness
  /** Keeps the document in the browser: `localCopy()`. */
  copy?: LocalCopy
}

export interface ProviderEvents {
  /** In the words of other providers. */
  status: { status: "connecting" | "connected" | "disconnected" }
  /** Whether all that others have written is here. */
  sync: boolean
  synced: boolean
}

/** Keeps a Y.Doc the same for all who have it, over a relay. */
export class BatonProvider extends Emitter<ProviderEvents> {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  /** The document as the relay has it: its status, what is saved, events. */
  readonly document: Doc
  #connection: Connection
  #synced = false
  #status = ""
  #unsent: Uint8Array[] = []
  /** The relay may not have said yet how much it takes. */
  #early = true
  /** What the relay would not take; undefined: there is no such thing. */
  #refused: Uint8Array | undefined
  #flushing = false
  /** What came before the next sync, if the Y.Doc was not empty: what it has beyond that is new to the relay. */
  #known: Uint8Array[] | undefined
  #off: (() => void)[] = []

  /** `where` is a relay's address, or a connection to it, which the caller keeps. */
  constructor(where: string | Connection, name: string, doc: Y.Doc, options: ProviderOptions = {}) {
    super()
    const { awareness, copy, ...connecting } = options
    this.doc = doc
    this.awareness = awareness ?? new Awareness(doc)
    const own = typeof where === "string"
    this.#connection = own ? connect(where, connecting) : where
    if (own) this.#off.push(() => this.#connection.close())
    this.#known = doc.store.clients.size > 0 ? [] : undefined
    if (copy) copy.save = () => ({ format: "yjs", blob: Y.encodeStateAsUpdate(doc) })
    this.document = this.#connection.join(name, {
      format: "yjs",
      snapshots: snapshots((blob) => this.#load(blob)),
      ...(copy && { copy }),
    })
    const { document } = this
    this.#off.push(
      () => document.leave(),
      document.ops.on((batch) => this.#take(batch)),
      document.on("status", (status) => this.#changed(status)),
      document.on("compact", () => void this.compact()),
      bindAwareness(this.awareness, document.presence),
    )
    doc.on("update", this.#local)
    doc.on("destroy", this.#destroyed)
  }

  /** Whether all that others have written is here. */
  get synced(): boolean {
    return this.#synced
  }

  /** Goes back on the network after {@link disconnect}. */
  connect(): void {
    this.#connection.resume()
  }

  /** Goes off the network, with all documents of the connection. */
  disconnect(): void {
    this.#connection.pause()
  }

  /** Ends it. The Y.Doc stays as it is. */
  destroy(): void {
    this.#flush()
    this.doc.off("update", this.#local)
    this.doc.off("destroy", this.#destroyed)
    for (const off of this.#off.splice(0).reverse()) off()
  }

  #destroyed = (): void => this.destroy()

  #local = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return
    this.#unsent.push(update)
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.#flush())
  }

  /** Makes one op of what was written since the last. */
  #flush(): void {
    this.#flushing = false
    if (this.#refused && this.document.refusal) return // until somebody has looked at it
    if (this.#refused) this.#unsent.unshift(again(this.doc, this.#refused))
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
      const parts = tooLarge(error) ? halves(this.doc, update) : undefined
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
    Y.applyUpdate(this.doc, blob, this)
    this.#known?.push(blob)
  }

  /** Applies updates in one transaction; one that Yjs cannot read is left out. */
  #apply(updates: Uint8Array[]): void {
    this.doc.transact(() => {
      for (const update of updates) {
        try {
          Y.applyUpdate(this.doc, update, this)
        } catch (error) {
          this.document.report(error)
        }
      }
    }, this)
  }

  /** Goes on after `refused` or `diverged`: what the Y.Doc has and the relay has not is sent anew. */
  recover(): void {
    this.#unsent = []
    this.#refused = undefined
    this.#known = []
    this.document.restart()
  }

  #changed({ state, access }: Status): void {
    const here = state === "live" || state === "read-only"
    const { error, op } = this.document.refusal ?? {}
    const large = this.#early && op && tooLarge(error)
    if (here || large) this.#early = false
    if (large) return this.recover() // it can be cut now
    if (here && this.#known) this.#publish(this.#known)
    if (access?.includes("write")) this.#flush()
    if (here !== this.#synced) {
      this.#synced = here
      this.emit("sync", here)
      this.emit("synced", here)
    }
    const status =
      here || state === "syncing" || state === "diverged"
        ? "connected"
        : state === "connecting"
          ? state
          : "disconnected"
    if (status !== this.#status) this.emit("status", { status })
    this.#status = status
  }

  /** Sends what the Y.Doc had before and the relay has not. */
  #publish(known: Uint8Array[]): void {
    this.#known = undefined
    const logged = new Y.Doc()
    for (const update of known) Y.applyUpdate(logged, update)
    const same = Y.equalSnapshots(Y.snapshot(logged), Y.snapshot(this.doc))
    if (!same) this.#local(Y.encodeStateAsUpdate(this.doc, Y.encodeStateVector(logged)), undefined)
    logged.destroy()
  }

  /**
   * Stores the document's state at the relay, so that who comes later need not read every op. The relay asks for it
   * itself from time to time. Returns false if this is not the moment: something is unsaved, or not here yet.
   */
  async compact(): Promise<boolean> {
    try {
      return await storeSnapshot(this.document, "yjs", () => {
        const blob = Y.encodeStateAsUpdate(this.doc)
        const again = new Y.Doc()
        Y.applyUpdate(again, blob)
        if (!Y.equalSnapshots(Y.snapshot(again), Y.snapshot(this.doc))) {
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
