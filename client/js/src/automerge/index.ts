/**
 * Automerge over Baton: keeps an Automerge document the same for all who have it. Each op is one change; its name is the
 * change's own actor and seq.
 */
import * as A from "@automerge/automerge/slim"
import { fromBase64, toBase64 } from "../base64.ts"
import type { Dot } from "../clock.ts"
import { type Connection, type ConnectOptions, connect } from "../connection.ts"
import type { LocalCopy } from "../copy.ts"
import type { Doc, Status } from "../doc.ts"
import { Emitter } from "../emitter.ts"
import { BatonError } from "../errors.ts"
import type { Op } from "../opstream.ts"
import { snapshots, storeSnapshot } from "../snapshot.ts"
import { type Change, readChange } from "./change.ts"
import { firstChange, type Handle, PlainHandle } from "./handle.ts"
import { maker } from "./maker.ts"

export { firstChange, type Handle }

export interface AutomergeOptions extends ConnectOptions {
  /** The change that every replica begins with: see {@link firstChange}. */
  first?: Uint8Array
  /** Keeps the document in the browser: `localCopy()`. A repo with storage has no use for it. */
  copy?: LocalCopy
}

export interface AutomergeEvents<T> {
  /** The document has changed, here (`local`) or by others; `rebuilt`: in ways that no patches tell. */
  change: { doc: A.Doc<T>; patches: A.Patch[]; source: "local" | "remote" | "rebuilt" }
}

/** How long changes of others may wait so that they are applied together, ms: each call costs time by the document's size. */
const together = 50

/** The same before all is here that was written before, ms. */
const catchingUp = 1000

/**
 * Opens a document of a relay. `where` is its address, or a connection, which the caller keeps. Who opens a document that
 * this page has opened already gets the same binding: each call needs its {@link AutomergeBinding.close}.
 */
export function openAutomerge<T>(
  where: string | Connection,
  name: string,
  options: AutomergeOptions = {},
): AutomergeBinding<T> {
  return bind<T>(where, name, undefined, options)
}

/**
 * Binds a document that somebody else holds, such as a `DocHandle` of automerge-repo. It must be ready. A page binds one
 * handle to a document: with the same one each call gets the same binding, another one is `already_joined`.
 */
export function bindAutomerge<T>(
  where: string | Connection,
  name: string,
  handle: Handle<T>,
  options: AutomergeOptions = {},
): AutomergeBinding<T> {
  return bind(where, name, handle, options)
}

function bind<T>(
  where: string | Connection,
  name: string,
  handle: Handle<T> | undefined,
  options: AutomergeOptions,
): AutomergeBinding<T> {
  const { first, copy: _, ...connecting } = options
  const connection = typeof where === "string" ? connect(where, connecting) : where
  const release = typeof where === "string" ? () => connection.close() : () => {}
  try {
    const there = connection.find(name)?.binding
    if (there instanceof AutomergeBinding && there.share(handle, release)) return there
    if (there) throw new BatonError("already_joined", `this page has ${name} in another handle already`)
    return new AutomergeBinding<T>(
      connection,
      name,
      handle ?? new PlainHandle(empty<T>(first)),
      release,
      options,
    )
  } catch (error) {
    release()
    throw error
  }
}

function empty<T>(first: Uint8Array | undefined): A.Doc<T> {
  return first ? A.applyChanges(A.init<T>(), [first])[0] : A.init<T>()
}

/** An Automerge document and its counterpart at the relay. */
export class AutomergeBinding<T> extends Emitter<AutomergeEvents<T>> {
  /** The document as the relay has it: its status, what is saved, presence, events. */
  readonly document: Doc
  #handle: Handle<T>
  #first: Uint8Array | undefined

  // What was sent.
  #shipped: A.Heads
  /** The handle has changes from elsewhere: which of them the relay lacks is known when all of its own are here. */
  #unsure = false
  /** Not all that was written before is here yet. */
  #early = true
  /** The change that is being made an op. */
  #shipping: Dot | undefined
  #applying = false

  // What came and was not applied.
  #queue: { op: Op; change: Uint8Array }[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #cost = 0
  /** The number of the newest operation in any change that is here: a change counts on from what it follows. */
  #lastOp = 0
  #live = false
  /** Changes that Automerge failed on, or among which one is, by the op's name: applied one by one, or not again. */
  #suspects = new Map<string, "bad" | "suspect">()
  /** The document as the log has it, while it is built anew; and the own change that is not made again. */
  #building: { doc: A.Doc<T>; without?: Change | undefined } | undefined
  #off: (() => void)[]
  #users = 1

  /** @internal Use {@link openAutomerge} or {@link bindAutomerge}. `release` is called when it is closed. */
  constructor(
    connection: Connection,
    name: string,
    handle: Handle<T>,
    release: () => void,
    { first, copy }: Omit<AutomergeOptions, keyof ConnectOptions>,
  ) {
    super()
    this.#handle = handle
    this.#first = first
    this.#off = [release]
    this.#lastOp = lastOp(handle.doc())
    const plain = handle instanceof PlainHandle
    this.#shipped = plain ? A.getHeads(handle.doc()) : []
    if (copy) copy.save = () => ({ format: "automerge", blob: this.#save() })
    this.document = connection.enter(name, {
      format: "automerge",
      snapshots: snapshots((blob) => this.#load(blob)),
      ...(copy && { copy }),
    })
    const { document } = this
    document.binding = this
    if (!plain && A.getHeads(handle.doc()).length > 0) this.#hold()
    const changed = () => this.#applying || this.#changedElsewhere()
    handle.on("heads-changed", changed)
    this.#off.push(
      () => document.leave(),
      () => handle.off("heads-changed", changed),
      document.ops.on((batch) => this.#take(batch)),
      document.on("status", (status) => this.#changed(status)),
      document.on("compact", () => void this.compact()),
    )
  }

  get doc(): A.Doc<T> {
    return this.#handle.doc()
  }

  /**
   * Changes the document, and returns it. It throws a {@link BatonError} and changes nothing if the change is larger than
   * the relay takes (`too_large`), or this session may not write (`forbidden`).
   */
  change(make: A.ChangeFn<T>, options: A.ChangeOptions<T> = {}): A.Doc<T> {
    this.#claim()
    this.#local((patchCallback) => A.change(this.doc, { ...options, patchCallback }, make))
    return this.doc
  }

  /**
   * Changes the document as of `heads`, and returns the heads of that change. Whoever makes several in a row passes on
   * what the last returned: each call at old heads writes as another actor.
   */
  changeAt(heads: A.Heads, make: A.ChangeFn<T>, options: A.ChangeOptions<T> = {}): A.Heads {
    this.#claim()
    let after: A.Heads | null = heads
    this.#local((patchCallback) => {
      const { newDoc, newHeads } = A.changeAt(this.doc, heads, { ...options, patchCallback }, make)
      after = newHeads
      return newDoc
    })
    return after ?? heads
  }

  /** Makes a change, and takes it back if it cannot be sent. */
  #local(make: (patches: A.PatchCallback<T>) => A.Doc<T>): void {
    const before = A.getHeads(this.doc)
    const actor = A.getActorId(this.doc)
    let patches: A.Patch[] = []
    const doc = make((p) => {
      patches = patches.concat(p)
    })
    try {
      this.#ship(doc)
    } catch (error) {
      this.#put(() => A.clone(A.view(doc, before), { actor }))
      throw error
    }
    this.#put(() => doc)
    if (patches.length > 0) this.emit("change", { doc, patches, source: "local" })
  }

  #put(update: (doc: A.Doc<T>) => A.Doc<T>): void {
    this.#applying = true
    try {
      this.#handle.update(update)
    } finally {
      this.#applying = false
    }
  }

  /** Writes as the actor that no other tab writes as. */
  #claim(): void {
    if (A.getActorId(this.doc) === this.document.actor) return
    this.#flush() // the actor's earlier changes may wait here
    const actor = this.document.actor
    this.#put((doc) => A.clone(doc, { actor }))
  }

  /** Sends the changes that the relay lacks. */
  #ship(doc: A.Doc<T>): void {
    if (this.#unsure || this.#building) return
    const changes = A.getChangesSince(doc, this.#shipped)
    if (changes.length > 0 && this.#first) this.#append(this.#first)
    for (const change of changes) this.#append(change)
    this.#shipped = A.getHeads(doc)
  }

  #append(change: Uint8Array): void {
    const { actor, seq, startOp, ops } = readChange(change)
    this.#lastOp = Math.max(this.#lastOp, startOp + ops - 1)
    if (this.document.has({ actor, seq })) return
    this.#shipping = { actor, seq }
    this.document.append(toBase64(change), this.#shipping)
    this.#shipping = undefined
  }

  #changedElsewhere(): void {
    if (this.#early && !this.#unsure) {
      // Its own storage, say, may give the handle what the relay has too.
      const actor = A.getActorId(this.doc)
      const changes = A.getChangesSince(this.doc, this.#shipped)
      if (changes.some((change) => readChange(change).actor !== actor)) this.#hold()
    }
    this.#shipLoudly()
  }

  /** Leaves what the document has beyond the relay until all that the relay has is here. */
  #hold(): void {
    this.#unsure = true
    this.document.saved.hold()
  }

  /** Where the change was not made through this binding it cannot be taken back. */
  #shipLoudly(): void {
    const before = this.#shipped
    this.#shipping = undefined // one that was taken back may have left it
    try {
      this.#ship(this.doc)
    } catch (error) {
      const why = error instanceof BatonError ? error : new BatonError("invalid", String(error), error)
      this.document.refuse(why, this.#shipping)
    }
    const doc = this.doc
    this.emit("change", { doc, patches: A.diff(doc, before, A.getHeads(doc)), source: "local" })
  }

  // What others have written.

  #take(batch: Op[]): void {
    for (const op of batch) {
      if (this.#suspects.get(nameOf(op)) === "bad") continue
      try {
        const change = fromBase64(String(op.payload))
        const { actor, seq, startOp, ops } = readChange(change)
        if (actor !== op.actor || seq !== op.seq) {
          throw new BatonError("damaged", `its change says that it is ${actor}:${seq}`)
        }
        // Automerge takes any number here, and then saves documents that do not load.
        if (startOp > this.#lastOp + 1) {
          throw new BatonError(
            "damaged",
            `its change counts from ${startOp}, where others have come to ${this.#lastOp}`,
          )
        }
        this.#lastOp = Math.max(this.#lastOp, startOp + ops - 1)
        this.#queue.push({ op, change })
      } catch (error) {
        this.#quarantine(op, error)
      }
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#queue.length === 0) return
    const wait = Math.max(this.#live ? together : catchingUp, 4 * this.#cost)
    this.#timer = setTimeout(() => this.#flush(), wait)
    if (this.#live && this.#cost < together && globalThis.document?.visibilityState === "visible") {
      requestAnimationFrame(() => this.#flush())
    }
  }

  /** Applies what waits, in one call. */
  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const queue = this.#queue.splice(0)
    if (queue.length === 0) return
    const began = performance.now()
    const suspected = queue.some(({ op }) => this.#suspects.has(nameOf(op)))
    try {
      if (suspected) for (const one of queue) this.#applySuspect(one)
      else this.#apply(queue.map(({ change }) => change))
    } catch (error) {
      this.#doubt(queue, error)
    }
    this.#cost = performance.now() - began
  }

  #apply(changes: Uint8Array[]): void {
    if (this.#building) {
      this.#building.doc = A.applyChanges(this.#building.doc, changes)[0]
      return
    }
    let patches: A.Patch[] = []
    this.#put((doc) => {
      const patchCallback: A.PatchCallback<T> = (p) => {
        patches = patches.concat(p)
      }
      return A.applyChanges(doc, changes, { patchCallback })[0]
    })
    if (!this.#unsure) this.#shipped = A.getHeads(this.doc)
    if (patches.length > 0) this.emit("change", { doc: this.doc, patches, source: "remote" })
  }

  /** Automerge may leave a document unusable when it fails: what may fail is tried on a copy. */
  #applySuspect({ op, change }: { op: Op; change: Uint8Array }): void {
    try {
      A.applyChanges(A.clone(this.#building?.doc ?? this.doc), [change])
    } catch (error) {
      return this.#quarantine(op, error)
    }
    this.#apply([change])
  }

  #quarantine(op: Op, error: unknown): void {
    this.#suspects.set(nameOf(op), "bad")
    this.document.report(error, op)
  }

  /** One of these makes Automerge fail: the document is built anew, and they are looked at one by one. */
  #doubt(queue: { op: Op }[], error: unknown): void {
    this.document.report(error)
    for (const { op } of queue) this.#suspects.set(nameOf(op), "suspect")
    this.#building = { doc: empty<T>(this.#first) }
    this.document.replay()
  }

  #load(blob: Uint8Array): void {
    const loaded = A.load<T>(blob)
    if (A.getHeads(loaded).length === 0) throw new BatonError("damaged", "it holds no change") // such as no bytes at all
    this.#lastOp = Math.max(this.#lastOp, lastOp(loaded))
    if (this.#building) this.#building.doc = A.merge(loaded, this.#building.doc)
    else {
      const before = A.getHeads(this.doc)
      this.#put((doc) => A.merge(loaded, doc))
      if (!this.#unsure) this.#shipped = A.getHeads(this.doc)
      this.emit("change", {
        doc: this.doc,
        patches: A.diff(this.doc, before, A.getHeads(this.doc)),
        source: "remote",
      })
    }
  }

  #changed({ state }: Status): void {
    this.#live = state === "live" || state === "read-only"
    if (!this.#live) return
    this.#flush()
    if (this.#building) this.#rebuilt(this.#building)
    this.#early = false
    if (this.#unsure) {
      this.#unsure = false
      this.#shipLoudly()
      this.document.saved.release()
    }
    if (state === "live") this.#claim()
  }

  /**
   * Goes on after `refused` or `diverged`: the document is built anew from the log, and what this one has beyond it is
   * made again as a change of a new actor, but for what no relay would take. What is on the screen stays there.
   */
  recover(): void {
    if (this.document.retry()) return
    const { error, op } = this.document.refusal ?? {}
    const hopeless = error?.code === "too_large" || error?.code === "invalid"
    const changes = hopeless ? A.getAllChanges(this.doc).map((change) => readChange(change)) : []
    const without = changes.find(({ actor, seq }) => actor === op?.actor && seq === op.seq)
    this.document.restart()
    this.#queue = []
    this.#building = { doc: empty<T>(this.#first), without }
  }

  /** Puts the document built anew in the place of the old one. */
  #rebuilt({ doc, without }: { doc: A.Doc<T>; without?: Change | undefined }): void {
    this.#building = undefined
    let shared: A.Heads = []
    let beyond: A.Patch[] = []
    try {
      shared = sharedHeads(this.doc, doc)
      const mine = without ? takeBack(this.doc, shared, without) : this.doc
      beyond = A.diff(mine, shared, A.getHeads(mine))
    } catch (error) {
      this.document.report(error) // the old one is beyond reading
    }
    this.#put(() => A.clone(doc, { actor: this.document.actor }))
    this.#shipped = A.getHeads(this.doc)
    if (beyond.length > 0) this.#remake(beyond, shared)
    this.emit("change", { doc: this.doc, patches: [], source: "rebuilt" })
  }

  /** Makes as much as can be made of what patches say of the document at `heads`, in as many changes as it takes. */
  #remake(patches: A.Patch[], heads: A.Heads): A.Heads {
    try {
      return this.changeAt(heads, (d) => {
        for (const patch of patches) {
          try {
            A.applyPatch(d, patch)
          } catch (error) {
            this.document.report(error) // what it changes is not there any more
          }
        }
      })
    } catch (error) {
      const half = patches.length >> 1
      if (half > 0) return this.#remake(patches.slice(half), this.#remake(patches.slice(0, half), heads))
      this.document.report(error)
      return heads
    }
  }

  #save(): Uint8Array {
    this.#flush()
    return A.save(this.doc)
  }

  /**
   * Stores the document's state at the relay, so that who comes later need not read every op. The relay asks for it
   * itself from time to time. Returns false if this is not the moment: something is unsaved, or not here yet.
   */
  async compact(): Promise<boolean> {
    try {
      return await storeSnapshot(this.document, { format: "automerge", maker: maker() }, () => {
        const blob = this.#save()
        const heads = A.getHeads(A.load(blob)).sort().join()
        if (heads !== A.getHeads(this.doc).sort().join()) {
          throw new BatonError("damaged", "the saved document is another once it is loaded")
        }
        return blob
      })
    } catch (error) {
      this.document.report(error)
      return false
    }
  }

  /** @internal Counts one more who has opened it. Returns false if they bring another handle. */
  share(handle: Handle<T> | undefined, release: () => void): boolean {
    if (handle && handle !== this.#handle) return false
    this.#users++
    this.#off.unshift(release)
    return true
  }

  /** Ends it, once all who have opened it have closed it. The document stays as it is. */
  close(): void {
    if (--this.#users > 0) return
    this.#flush()
    for (const off of this.#off.splice(0).reverse()) off()
  }
}

/** Returns the number of the newest operation: a change's are greater than those of all that it follows from. */
function lastOp<T>(doc: A.Doc<T>): number {
  // Not A.inspectChange: it fails on a change with very many operations, and on numbers that JavaScript cannot hold.
  const backend = A.getBackend(doc)
  return Math.max(0, ...A.getHeads(doc).map((hash) => backend.getChangeMetaByHash(hash)?.maxOp ?? 0))
}

/** Returns a document in which a change is undone. What was made after it stays, in its place. */
function takeBack<T>(doc: A.Doc<T>, shared: A.Heads, { hash, deps }: Change): A.Doc<T> {
  const after = [...shared, hash]
  const undo = A.diff(doc, after, [...shared, ...deps])
  // Not A.changeAt, which takes the square of what goes: 23 s for 16,000 characters.
  const undone = A.change(A.clone(A.view(doc, after)), (d) => {
    for (const patch of undo) A.applyPatch(d, patch)
  })
  return A.merge(undone, A.clone(doc))
}

/** Returns the heads of the changes that both documents have. */
function sharedHeads<T>(one: A.Doc<T>, other: A.Doc<T>): A.Heads {
  const there = new Set(A.getAllChanges(other).map((change) => readChange(change).hash))
  const heads = new Set<string>()
  for (const change of A.getAllChanges(one)) {
    const { hash, deps } = readChange(change)
    if (!there.has(hash)) continue
    for (const dep of deps) heads.delete(dep)
    heads.add(hash)
  }
  return [...heads]
}

function nameOf({ actor, seq }: Op): string {
  return `${actor}:${seq}`
}
