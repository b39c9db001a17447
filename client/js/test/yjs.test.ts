import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import WebSocket from "ws"
import * as Y from "yjs"
import { BatonProvider } from "../src/yjs/index.ts"
import { halves } from "../src/yjs/split.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"
import { enterAgain, name, startScript } from "./harness/script.ts"
import { seeded } from "./harness/seed.ts"

let relay: Relay
const open: BatonProvider[] = []

function provider(name: string, doc = new Y.Doc(), url = relay.url): BatonProvider {
  const p = new BatonProvider(url, name, doc, { WebSocket, shared: false, minBackoff: 20 })
  open.push(p)
  return p
}

before(async () => {
  relay = await startRelay()
})
after(async () => {
  for (const p of open) {
    p.destroy()
    p.awareness.destroy()
  }
  await relay.close()
})

test("two people write one text", async () => {
  const a = provider("text")
  const b = provider("text")
  const [ta, tb] = [a.doc.getText("t"), b.doc.getText("t")]
  ta.insert(0, "hello ")
  await until("b has it", () => tb.toString() === "hello ")
  tb.insert(6, "world")
  await until("a has it", () => ta.toString() === "hello world")
  assert.ok(a.synced)
})

test("updates of one turn are one op", async () => {
  const a = provider("turn")
  for (const c of "written in one turn") a.doc.getText("t").insert(0, c)
  assert.equal(a.document.saved.pending, 0)
  await Promise.resolve()
  assert.equal(a.document.saved.pending, 1)
  await a.document.saved.all()
  const b = provider("turn")
  await until("it is there", () => b.doc.getText("t").length === 19)
})

test("what a Y.Doc had before it was connected is sent, and no more than the relay lacks", async () => {
  const a = provider("before")
  a.doc.getText("t").insert(0, "known ")
  await a.document.saved.all()
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(a.doc))
  doc.getText("t").insert(6, "and new")
  const b = provider("before", doc)
  await until("a has all", () => a.doc.getText("t").toString() === "known and new")
  const c = provider("before", b.doc)
  await until("c is there", () => c.synced)
  assert.equal(c.document.saved.pending, 0)
})

test("what is larger than an op goes in several, be it pasted or there before", async () => {
  const doc = new Y.Doc()
  const before = "here before ".repeat(150_000)
  doc.getText("t").insert(0, before)
  const a = provider("large", doc)
  await until("it is live", () => a.synced)
  doc.getText("t").insert(5, "pasted".repeat(200_000))
  doc.getText("t").delete(0, 2)
  await a.document.saved.all()
  const b = provider("large")
  await until("b has all", () => b.doc.getText("t").length === 1_800_000 + 1_200_000 - 2)
  assert.equal(b.doc.getText("t").toString(), doc.getText("t").toString())
  assert.ok(b.document.place.offset >= 6)
})

test("what is larger than an op goes in several, though it was written before the relay said what it takes", async () => {
  const a = provider("early")
  a.disconnect()
  const text = a.doc.getText("t")
  text.insert(0, "written offline ".repeat(80_000))
  await until("it is an op", () => a.document.saved.pending === 1)
  text.insert(0, "and more ")
  a.connect()
  await until("it is live", () => a.synced)
  await a.document.saved.all()
  const b = provider("early")
  await until("b has all", () => b.doc.getText("t").length === 16 * 80_000 + 9)
  assert.equal(b.doc.getText("t").toString(), text.toString())
})

test("a relay that finds too large what it said it takes is not asked again and again", async (t) => {
  const script = await startScript(t)
  const a = provider(name, new Y.Doc(), script.url)
  const line = await script.next()
  await enterAgain(line)
  await line.expect("presence")
  await until("it is live", () => a.synced)
  a.doc.getText("t").insert(0, "small")
  const [op] = (await line.expect("ops")).ops
  assert.ok(op)
  line.reject(op, "too_large")
  await until("it is refused", () => a.document.status.state === "refused")
  await line.expectNothing(a.document)
  assert.equal(a.document.saved.pending, 1)
})

test("one thing that is larger than an op is refused, and all goes on once it is gone", async () => {
  const a = provider("huge")
  const list = a.doc.getArray("a")
  list.push(["first"])
  await until("it is live", () => a.synced)
  list.push(["x".repeat(2_000_000)])
  await until("it is refused", () => a.document.status.state === "refused")
  assert.equal(a.document.status.reason?.code, "too_large")
  await assert.rejects(a.document.saved.all(), { code: "too_large" })
  list.push(["after"])
  list.delete(1, 1)
  a.recover()
  await until("it is live again", () => a.synced)
  await a.document.saved.all()
  const b = provider("huge")
  await until("b has the rest", () => b.doc.getArray("a").length === 2)
  assert.deepEqual(b.doc.getArray("a").toJSON(), ["first", "after"])
})

test("halves of an update, and their halves, add up to it", (t) => {
  const random = seeded(t)
  for (let round = 0; round < 30; round++) {
    const docs = [1, 2, 3].map((client) => {
      const d = new Y.Doc()
      d.clientID = client + 10 * random.below(1000)
      return d
    })
    const doc = docs[0] as Y.Doc
    const edit = (d: Y.Doc) => {
      const text = d.getText("t")
      const at = random.below(text.length + 1)
      if (random.below(4) > 0) text.insert(at, "abcdefgh".slice(random.below(8)))
      else text.delete(at, Math.min(5, text.length - at))
      d.getMap("m").set(`k${random.below(3)}`, random.below(100))
      d.getArray("a").push([new Y.Map([["x", random.below(9)]])])
    }
    const exchange = () => {
      for (const d of docs) for (const other of docs) Y.applyUpdate(d, Y.encodeStateAsUpdate(other))
    }
    for (let n = 0; n < 5; n++) edit(docs[random.below(3)] as Y.Doc)
    exchange()
    const base = Y.encodeStateAsUpdate(doc)
    for (let n = 0; n < 10; n++) edit(docs[random.below(3)] as Y.Doc)
    exchange()
    const parts = (update: Uint8Array): Uint8Array[] => halves(doc, update)?.flatMap(parts) ?? [update]
    const all = parts(Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(base)))
    assert.ok(all.length > 10)
    const again = new Y.Doc()
    for (const update of [base, ...all]) Y.applyUpdate(again, update)
    const content = (d: Y.Doc) =>
      [d.getText("t"), d.getMap("m"), d.getArray("a")].map((type) => type.toJSON())
    assert.deepEqual(content(again), content(doc))
    assert.ok(Y.equalSnapshots(Y.snapshot(again), Y.snapshot(doc)))
    assert.equal(again.store.pendingStructs, null)
  }
})

test("cursors are seen, followed, and gone when their owner is", async () => {
  const a = provider("cursors")
  const b = provider("cursors")
  a.awareness.setLocalState({ user: { name: "Alice" }, cursor: 3 })
  const seen = () => [...b.awareness.getStates()].filter(([id]) => id !== b.doc.clientID)
  await until("b sees Alice", () => seen().length === 1)
  assert.deepEqual(seen(), [[a.doc.clientID, { user: { name: "Alice" }, cursor: 3 }]])
  a.awareness.setLocalStateField("cursor", 4)
  await until("b sees her move", () => seen()[0]?.[1].cursor === 4)
  a.disconnect()
  await until("she is gone", () => seen().length === 0)
  a.connect()
  await until("she is back", () => seen()[0]?.[1].cursor === 4)
  a.destroy()
  await until("she has left", () => seen().length === 0)
})
