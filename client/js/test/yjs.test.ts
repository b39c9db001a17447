import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import WebSocket from "ws"
import * as Y from "yjs"
import { BatonProvider } from "../src/yjs/index.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

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
