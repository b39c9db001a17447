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

test("providers of one document on one page share its stay, and each goes on without the others", async (t) => {
  const options = { WebSocket, minBackoff: 20 }
  const text = (p: BatonProvider) => p.doc.getText("t")
  const a = new BatonProvider(relay.url, "twice", new Y.Doc(), options)
  text(a).insert(0, "one ")
  await a.document.saved.all()
  a.awareness.setLocalState({ user: "Ann" })
  const bob = provider("twice")
  const brought = new Y.Doc()
  brought.getText("t").insert(0, "brought ")
  const b = new BatonProvider(relay.url, "twice", brought, options)
  const same = new BatonProvider(relay.url, "twice", brought, options)
  t.after(() => same.destroy())
  assert.equal(b.document, a.document)
  assert.equal(text(a).toString(), text(b).toString(), "they are the same at once")
  await until("the others hear that all is here", () => b.synced && same.synced)
  const seen = () => text(bob).toString()
  await until("what was brought has come", () => seen() === text(a).toString())
  assert.deepEqual([...seen().split(" ")].sort(), ["", "brought", "one"])
  text(b).insert(0, "two ")
  assert.match(text(a).toString(), /^two /)
  await until("it is there", () => seen().startsWith("two "))
  text(bob).insert(0, "three ")
  await until("both have it", () => [a, b].every((p) => text(p).toString().startsWith("three two ")))
  const users = () => [...bob.awareness.getStates().values()].map(({ user }) => user).filter(Boolean)
  await until("she is seen, once", () => users().join() === "Ann")

  b.awareness.setLocalState({ user: "Ann here" })
  await until("what changed last is shown", () => users().join() === "Ann here")
  text(a).insert(0, "four ")
  a.destroy()
  a.doc.destroy()
  a.awareness.destroy()
  text(b).insert(0, "five ")
  await b.document.saved.all()
  await until("all is there", () => seen().startsWith("five four three two "))
  await until("she is seen yet", () => users().join() === "Ann here")
  same.awareness.setLocalState({ user: "Ann again" })
  b.destroy()
  text(same).insert(0, "six ")
  await until("all is there", () => seen().startsWith("six five "))
  await until("it is she still", () => users().join() === "Ann again")
  assert.ok(!text(a).toString().includes("six"))
  const { head } = await (await fetch(`${relay.url}/v1/docs/twice`)).json()
  assert.equal(head, 7, "each was written once")
  same.destroy()
  assert.equal(same.document.connection.status.state, "closed")
  await until("she is gone", () => users().length === 0)
})

test("whoever has gone off a shared connection keeps it off the network until back, or destroyed", async (t) => {
  const options = { WebSocket, minBackoff: 20 }
  const [a, b, c] = ["one", "two", "three"].map((doc) => {
    return new BatonProvider(relay.url, `shared-${doc}`, new Y.Doc(), options)
  }) as [BatonProvider, BatonProvider, BatonProvider]
  t.after(() => c.destroy())
  const { connection } = c.document
  assert.equal(a.document.connection, connection)
  await until("all are live", () => [a, b, c].every((p) => p.synced))
  a.disconnect()
  a.disconnect()
  b.disconnect()
  assert.equal(connection.status.state, "paused")
  a.connect()
  assert.equal(connection.status.state, "paused", "b is off still")
  a.disconnect()
  b.destroy()
  assert.equal(connection.status.state, "paused", "a is off still")
  a.destroy()
  await until("c is live again", () => c.synced)
  c.doc.getText("t").insert(0, "on")
  await c.document.saved.all()
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

test("no half of an update ends inside a character", async () => {
  const parts = (doc: Y.Doc, update: Uint8Array): Uint8Array[] =>
    halves(doc, update)?.flatMap((half) => parts(doc, half)) ?? [update]
  for (let before = 0; before < 4; before++) {
    const doc = new Y.Doc()
    const text = doc.getText("t")
    text.insert(0, `${"x".repeat(before)}${"😀".repeat(9)}`)
    text.insert(before + 4, "é👍🏽𠮷")
    text.delete(before, 2)
    const again = new Y.Doc()
    const all = parts(doc, Y.encodeStateAsUpdate(doc))
    for (const update of all) Y.applyUpdate(again, update)
    assert.equal(again.getText("t").toString(), text.toString())
    assert.ok(all.length > 9, `there are ${all.length} parts`)
  }
  const a = provider("emoji")
  await until("it is live", () => a.synced)
  const pasted = `x${"😀".repeat(400_000)}`
  a.doc.getText("t").insert(0, pasted)
  await Promise.resolve() // it is ops then
  await a.document.saved.all()
  const b = provider("emoji")
  await until("b has all", () => b.doc.getText("t").length === pasted.length)
  assert.equal(b.doc.getText("t").toString(), pasted)
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
