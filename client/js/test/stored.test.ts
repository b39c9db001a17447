import assert from "node:assert/strict"
import { test } from "node:test"
import WebSocket from "ws"
import { BatonError, connect, storeSnapshot } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { Peer } from "./harness/peer.ts"
import { startRelay } from "./harness/relay.ts"
import { enter, enterAgain, entry, name, three } from "./harness/script.ts"

test("a state is not stored while the application has not dealt with all it was given", async (t) => {
  const relay = await startRelay()
  t.after(() => relay.close())
  const writer = new Peer(relay.url, "pages")
  t.after(() => writer.connection.close())
  const connection = connect(relay.url, { WebSocket, shared: false })
  t.after(() => connection.close())
  const doc = connection.join("pages", { format: "json" })
  const had: unknown[] = []
  let goOn = () => {}
  const reading = (async () => {
    for await (const batch of doc.ops) {
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      for (const op of batch) had.push(op.payload)
    }
  })()
  const save = () => new TextEncoder().encode(JSON.stringify(had))
  writer.append("a")
  await writer.doc.saved.all()
  await until("all was given", () => doc.place.offset === 1 && doc.status.state === "live")
  assert.equal(await storeSnapshot(doc, "json", save), false)
  goOn()
  await until("a state is stored", () => storeSnapshot(doc, "json", save))
  const state = await fetch(`${relay.url}/v1/docs/pages/snapshots/1`)
  assert.deepEqual(await state.json(), ["a"])
  doc.leave()
  await reading
})

test("a client that is asked for a state while its ops are on their way makes it once they are saved", async (t) => {
  const { doc, line } = await enter(t)
  const asked: number[] = []
  doc.on("compact", () => asked.push(doc.saved.pending))
  const [one, two] = three(doc)
  await line.expect("ops")
  line.ack(one)
  line.send({ type: "compact", doc: name, offset: 1 })
  await line.expectNothing(doc)
  assert.deepEqual(asked, [])
  line.ack({ ...two, seq: 3 })
  await until("it is asked", () => asked.length > 0)
  line.send({ type: "compact", doc: name, offset: 3 })
  await until("it is asked again at once", () => asked.length > 1)
  assert.deepEqual(asked, [0, 0])
})

test("a client that is asked before a cut does not answer after it", async (t) => {
  const { relay, doc, line } = await enter(t)
  let asked = 0
  doc.on("compact", () => asked++)
  const op = doc.append("a")
  await line.expect("ops")
  line.send({ type: "compact", doc: name, offset: 1 })
  await line.taken()
  line.cut()
  const second = await relay.next()
  await enterAgain(second)
  await second.expect("ops")
  second.ack(op)
  await doc.saved.all()
  await second.expectNothing(doc)
  assert.equal(asked, 0)
})

test("a client with a refused op makes no state: what was refused is in its document", async (t) => {
  const { doc, line } = await enter(t)
  let asked = 0
  doc.on("compact", () => asked++)
  const op = doc.append("a")
  await line.expect("ops")
  line.ack(op)
  await doc.saved.all()
  doc.refuse(new BatonError("too_large", "it was never made an op"))
  line.send({ type: "compact", doc: name, offset: 1 })
  await line.taken()
  assert.equal(await storeSnapshot(doc, "json", () => new Uint8Array()), false)
  assert.equal(asked, 0)
})

test("a reader that iterates is asked once it has dealt with what it was given", async (t) => {
  const { doc, line } = await enter(t, { listen: false })
  const had: number[] = []
  let askedAt: number | undefined
  doc.on("compact", () => {
    askedAt = had.length
  })
  let goOn = () => {}
  const reading = (async () => {
    for await (const batch of doc.ops) {
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      for (const op of batch) had.push(op.seq)
    }
  })()
  line.ops(entry(1, "bob", 1), entry(2, "bob", 2))
  line.send({ type: "compact", doc: name, offset: 2 })
  await line.expectNothing(doc)
  assert.equal(askedAt, undefined)
  goOn()
  await until("it is asked", () => askedAt)
  assert.equal(askedAt, 2)
  doc.leave()
  await reading
})
