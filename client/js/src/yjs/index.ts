/**
 * Yjs over Baton: a provider in the shape that Yjs editors know, so that their bindings work as they are.
 *
 * Each op is one v1 update, in base64; those of one turn of the event loop are one op.
 */
import { Awareness } from "y-protocols/awareness"
import type * as Y from "yjs"
import { type Connection, type ConnectOptions, connect } from "../connection.ts"
import type { LocalCopy } from "../copy.ts"
import type { Doc } from "../doc.ts"
import { Emitter } from "../emitter.ts"
import { bindAwareness } from "./awareness.ts"
import { type Replica, replicaOf } from "./replica.ts"

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

/**
 * Keeps a Y.Doc the same for all who have it, over a relay. Where a page has several providers of one document, their
 * Y.Docs are the same at once, and others see the page once: with the awareness that changed last.
 */
export class BatonProvider extends Emitter<ProviderEvents> {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  /** The document as the relay has it: its status, what is saved, events. */
  readonly document: Doc
  #connection: Connection
  #replica: Replica
  #synced = false
  #status = ""
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
    this.#off.push(() => this.#connection.resume(this))
    try {
      this.#replica = replicaOf(this.#connection, name, doc, this, copy)
    } catch (error) {
      this.#end()
      throw error
    }
    this.document = this.#replica.document
    this.#off.push(
      () => this.#replica.remove(doc, this),
      this.document.on("status", () => this.#changed()),
      bindAwareness(this.awareness, this.document.presence),
    )
    doc.on("destroy", this.#destroyed)
    // Where others have come far already, whoever made this one hears of it all the same.
    queueMicrotask(() => this.#changed())
  }

  /** Whether all that others have written is here. */
  get synced(): boolean {
    return this.#synced
  }

  /** Goes back on the network after {@link disconnect}. */
  connect(): void {
    this.#connection.resume(this)
  }

  /** Goes off the network, with all documents of the connection, until {@link connect} or {@link destroy}. */
  disconnect(): void {
    this.#connection.pause(this)
  }

  /** Ends it. The Y.Doc stays as it is. */
  destroy(): void {
    this.doc.off("destroy", this.#destroyed)
    this.#end()
  }

  #end(): void {
    for (const off of this.#off.splice(0).reverse()) off()
  }

  #destroyed = (): void => this.destroy()

  /** Goes on after `refused` or `diverged`: what the Y.Doc has and the relay has not is sent anew. */
  recover(): void {
    this.#replica.recover()
  }

  /**
   * Stores the document's state at the relay, so that who comes later need not read every op. The relay asks for it
   * itself from time to time. Returns false if this is not the moment: something is unsaved, or not here yet.
   */
  compact(): Promise<boolean> {
    return this.#replica.compact()
  }

  #changed(): void {
    if (this.#off.length === 0) return // it has ended
    const { state } = this.document.status
    const here = state === "live" || state === "read-only"
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
}
