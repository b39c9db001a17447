import assert from "node:assert/strict"
import { test } from "node:test"
import WebSocket from "ws"
import { connect, storeSnapshot } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { Peer } from "./harness/peer.ts"
import { startRelay } from "./harness/relay.ts"

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
