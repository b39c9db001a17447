// Applications that keep documents themselves, with the real libraries: what the relay has is not sent again.

import "fake-indexeddb/auto"
import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import * as A from "@automerge/automerge"
import {
  type Chunk,
  type DocHandle,
  Repo,
  type StorageAdapterInterface,
  type StorageKey,
} from "@automerge/automerge-repo"
import WebSocket from "ws"
import { IndexeddbPersistence } from "y-indexeddb"
import * as Y from "yjs"
import { bindAutomerge } from "../src/automerge/index.ts"
import { BatonProvider } from "../src/yjs/index.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

let relay: Relay

before(async () => {
  relay = await startRelay()
})
after(() => relay?.close())

const options = { WebSocket, shared: false, storage: false, minBackoff: 20 }

/** The ops that the relay has of a document. */
async function opsOf(name: string): Promise<{ payload: string }[]> {
  const answer = await fetch(`${relay.url}/v1/docs/${name}/ops?limit=1000`)
  return ((await answer.json()) as { ops: { payload: string }[] }).ops
}

/** Writes so much that it would be noticed if it were sent again. */
function fill(text: Y.Text): void {
  for (let i = 0; i < 500; i++) text.insert((i * 7) % (text.length + 1), `word ${i} `)
  text.delete(10, 100)
}

test("a text that y-indexeddb keeps is sent once, however often it is opened, and what is new of it once more", async () => {
  const name = "y-indexeddb"
  const open = async (write: (text: Y.Text) => void) => {
    const provider = new BatonProvider(relay.url, name, new Y.Doc(), options)
    const kept = new IndexeddbPersistence(name, provider.doc)
    await kept.whenSynced
    await until("it is live", () => provider.synced)
    write(provider.doc.getText("t"))
    await Promise.resolve() // it is an op then
    await provider.document.saved.all()
    const text = provider.doc.getText("t").toString()
    await kept.destroy()
    provider.destroy()
    return text
  }
  const text = await open(fill)
  const { length } = await opsOf(name)
  for (let i = 0; i < 5; i++) assert.equal(await open(() => {}), text)
  assert.equal((await opsOf(name)).length, length)

  const alone = new Y.Doc()
  const kept = new IndexeddbPersistence(name, alone)
  await kept.whenSynced
  alone.getText("t").insert(0, "alone ")
  await kept.destroy()
  assert.equal(await open(() => {}), `alone ${text}`)
  assert.equal((await opsOf(name)).length, length + 1)
  const late = new BatonProvider(relay.url, name, new Y.Doc(), options)
  await until("who comes late reads it", () => late.doc.getText("t").toString() === `alone ${text}`)
  late.destroy()
})

test("what applyUpdate brings before all is here counts as unsaved, and only what the relay lacks is sent", async () => {
  const name = "applied"
  const first = new BatonProvider(relay.url, name, new Y.Doc(), options)
  fill(first.doc.getText("t"))
  await Promise.resolve() // it is an op then
  await first.document.saved.all()
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(first.doc))
  const { length } = await opsOf(name)

  const same = new BatonProvider(relay.url, name, new Y.Doc(), options)
  Y.applyUpdate(same.doc, Y.encodeStateAsUpdate(copy))
  assert.equal(same.document.saved.pending, 1)
  await same.document.saved.all()
  assert.equal(same.document.saved.pending, 0)
  assert.equal((await opsOf(name)).length, length)

  copy.getText("t").insert(0, "more ")
  const more = new BatonProvider(relay.url, name, new Y.Doc(), options)
  more.disconnect()
  Y.applyUpdate(more.doc, Y.encodeStateAsUpdate(copy))
  more.doc.getText("t").insert(0, "typed ")
  let saved = false
  const all = more.document.saved.all().then(() => {
    saved = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(saved, false)
  more.connect()
  await all
  await until(
    "the first has it",
    () => first.doc.getText("t").toString() === more.doc.getText("t").toString(),
  )
  assert.match(first.doc.getText("t").toString(), /^typed more /)
  for (const provider of [first, same, more]) provider.destroy()
})

/** Where repos keep documents, one after the other. */
class Storage implements StorageAdapterInterface {
  readonly #chunks = new Map<string, Chunk & { data: Uint8Array }>()

  async load(key: StorageKey): Promise<Uint8Array | undefined> {
    return this.#chunks.get(key.join("/"))?.data
  }

  async save(key: StorageKey, data: Uint8Array): Promise<void> {
    this.#chunks.set(key.join("/"), { key, data })
  }

  async remove(key: StorageKey): Promise<void> {
    this.#chunks.delete(key.join("/"))
  }

  async loadRange(prefix: StorageKey): Promise<Chunk[]> {
    return [...this.#chunks.values()].filter(({ key }) => prefix.every((part, i) => key[i] === part))
  }

  async removeRange(prefix: StorageKey): Promise<void> {
    for (const { key } of await this.loadRange(prefix)) await this.remove(key)
  }
}

interface Note {
  text: string
}

async function opened(name: string, handle: DocHandle<Note>, early: () => void = () => {}) {
  const binding = bindAutomerge<Note>(relay.url, name, handle, options)
  early()
  await until("it is live", () => binding.document.status.state === "live")
  await binding.document.saved.all()
  return binding
}

test("a document that a repo keeps in its storage is sent once, and what is new of it once more", async () => {
  const name = "repo-storage"
  const storage = new Storage()
  const repo = () => new Repo({ storage })
  const first = repo()
  const handle = first.create<Note>({ text: "" })
  const binding = await opened(name, handle)
  for (let i = 0; i < 50; i++) binding.change((d) => A.splice(d, ["text"], 0, 0, `word ${i} `))
  await binding.document.saved.all()
  binding.close()
  await first.shutdown()
  const { length } = await opsOf(name)
  assert.equal(length, 51)

  for (let i = 0; i < 3; i++) {
    const again = repo()
    const b = await opened(name, await again.find<Note>(handle.url))
    assert.equal(b.doc.text, handle.doc().text)
    b.close()
    await again.shutdown()
  }
  assert.equal((await opsOf(name)).length, length)

  const alone = repo()
  const kept = await alone.find<Note>(handle.url)
  kept.change((d) => A.splice(d, ["text"], 0, 0, "alone "))
  const b = await opened(name, kept)
  await until("the relay has it", async () => (await opsOf(name)).length === length + 1)
  b.close()
  await alone.shutdown()
})

test("what a handle gets elsewhere before all is here counts as unsaved, and only what the relay lacks is sent", async () => {
  const name = "repo-early"
  const first = new Repo().create<Note>({ text: "hello" })
  const a = await opened(name, first)
  for (let i = 0; i < 20; i++) a.change((d) => A.splice(d, ["text"], 0, 0, `word ${i} `))
  await a.document.saved.all()
  const { length } = await opsOf(name)
  const stored = A.change(A.clone(first.doc()), (d) => A.splice(d, ["text"], 0, 0, "stored "))

  const handle = new Repo().import<Note>(A.save(A.init<Note>()))
  await handle.whenReady()
  const b = await opened(name, handle, () => handle.update((doc) => A.merge(doc, stored)))
  assert.equal(b.document.saved.pending, 0)
  assert.equal((await opsOf(name)).length, length + 1)
  await until("the first has it", () => first.doc().text === stored.text)
  for (const binding of [a, b]) binding.close()
})
