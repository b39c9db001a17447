// Replicas of a board in memory, in the place of those that a relay keeps the same: the test says what arrives where, and
// when.

import { automergeWasmBase64 } from "@automerge/automerge/automerge.wasm.base64"
import * as A from "@automerge/automerge/slim"
import type { Status } from "@baton-relay/client"
import type { AutomergeEvents } from "@baton-relay/client/automerge"
import { firstChange } from "../../../client/js/src/automerge/handle.ts"
import { BatonError } from "../../../client/js/src/errors.ts"
import type { BoardDocument } from "../../src/binding/scene.ts"
import { type Board, startBoard } from "../../src/binding/schema.ts"

await A.initializeBase64Wasm(automergeWasmBase64)

type Change = AutomergeEvents<Board>["change"]

/** What a replica has sent. */
export interface Sent {
  change: Uint8Array
  hash: string
  deps: string[]
  from: Replica
}

/** What lies between replicas. */
export class Net {
  /** All that was sent, each after what it follows from. */
  readonly log: Sent[] = []
  readonly replicas: Replica[] = []

  /** Adds a replica, which has the board's first change alone. */
  join(): Replica {
    const replica = new Replica(this, `${this.replicas.length + 1}`.padStart(32, "0"))
    this.replicas.push(replica)
    return replica
  }

  /** Brings everything everywhere, and what is written because of it. */
  async deliverAll(): Promise<void> {
    for (;;) {
      const sent = this.log.length
      for (const replica of this.replicas) replica.receive()
      for (let i = 0; i < 5; i++) await Promise.resolve() // what merged is read in microtasks
      for (const replica of this.replicas) replica.receive()
      if (this.log.length === sent) return
    }
  }
}

/** A board as the client holds one. */
export class Replica implements BoardDocument {
  readonly document: { actor: string; status: Status }
  /** The longest change that the relay takes, bytes. */
  limit = Number.POSITIVE_INFINITY
  /** What is received before the next change is made, and in the same breath: as when a session has become another. */
  claims: Sent[] | undefined
  #net: Net
  #doc: A.Doc<Board>
  #has = new Set<string>()
  #listeners = new Set<(change: Change) => void>()

  constructor(net: Net, actor: string) {
    this.#net = net
    const first = firstChange<Board>(startBoard)
    this.#doc = A.applyChanges(A.init<Board>({ actor }), [first])[0]
    for (const hash of A.getHeads(this.#doc)) this.#has.add(hash)
    this.document = { actor, status: { state: "live" } }
  }

  get doc(): A.Doc<Board> {
    return this.#doc
  }

  change(make: A.ChangeFn<Board>): A.Doc<Board> {
    this.#local((patchCallback) => A.change(this.#doc, { patchCallback, time: 0 }, make))
    return this.#doc
  }

  changeAt(heads: A.Heads, make: A.ChangeFn<Board>): A.Heads {
    let after: A.Heads | null = heads
    this.#local((patchCallback) => {
      const { newDoc, newHeads } = A.changeAt(this.#doc, heads, { patchCallback, time: 0 }, make)
      after = newHeads
      return newDoc
    })
    return after ?? heads
  }

  on(_event: "change", listener: (change: never) => void): () => void {
    this.#listeners.add(listener as (change: Change) => void)
    return () => this.#listeners.delete(listener as (change: Change) => void)
  }

  /** Takes what has not come yet and may: all, or only what `choose` says. Returns how much that was. */
  receive(choose: (sent: Sent) => boolean = () => true): number {
    const came: Sent[] = []
    for (const sent of this.#net.log) {
      if (this.#has.has(sent.hash) || !sent.deps.every((hash) => this.#has.has(hash)) || !choose(sent))
        continue
      this.#has.add(sent.hash)
      came.push(sent)
    }
    this.apply(came.map(({ change }) => change))
    return came.length
  }

  /** Applies changes as a batch from the relay. */
  apply(changes: Uint8Array[]): void {
    if (changes.length === 0) return
    let patches: A.Patch[] = []
    const patchCallback: A.PatchCallback<Board> = (p) => {
      patches = patches.concat(p)
    }
    this.#doc = A.applyChanges(this.#doc, changes, { patchCallback })[0]
    if (patches.length > 0) this.#emit({ doc: this.#doc, patches, source: "remote" })
  }

  /** Says that the document has become another, as after `recover`. */
  rebuild(make: A.ChangeFn<Board>): void {
    const before = A.getHeads(this.#doc)
    this.#doc = A.change(this.#doc, { time: 0 }, make)
    this.#send(before)
    this.#emit({ doc: this.#doc, patches: [], source: "rebuilt" })
  }

  #local(make: (patches: A.PatchCallback<Board>) => A.Doc<Board>): void {
    if (this.document.status.state === "read-only") throw new BatonError("forbidden", "you may not write")
    const waiting = this.claims
    this.claims = undefined
    if (waiting) this.receive((sent) => waiting.includes(sent))
    const before = A.getHeads(this.#doc)
    let patches: A.Patch[] = []
    const doc = make((p) => {
      patches = patches.concat(p)
    })
    if (A.getChangesSince(doc, before).some((change) => change.length > this.limit)) {
      this.#doc = A.clone(A.view(doc, before), { actor: this.document.actor })
      throw new BatonError("too_large", "too large")
    }
    this.#doc = doc
    this.#send(before)
    if (patches.length > 0) this.#emit({ doc, patches, source: "local" })
  }

  #send(before: A.Heads): void {
    for (const change of A.getChangesSince(this.#doc, before)) {
      const { hash, deps } = A.decodeChange(change)
      this.#has.add(hash)
      this.#net.log.push({ change, hash, deps, from: this })
    }
  }

  #emit(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}
