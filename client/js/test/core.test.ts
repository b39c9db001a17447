import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { until } from "./harness/deadline.ts"
import { Peer } from "./harness/peer.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

let relay: Relay
const peers: Peer[] = []

function peer(...args: ConstructorParameters<typeof Peer>): Peer {
  const p = new Peer(...args)
  peers.push(p)
  return p
}

before(async () => {
  relay = await startRelay()
})
after(async () => {
  for (const p of peers) p.connection.close()
  await relay.close()
})

test("two clients hear each other, and know what is saved", async () => {
  const a = peer(relay.url, "hello")
  const b = peer(relay.url, "hello")
  a.append({ insert: "H" })
  assert.equal(a.doc.saved.pending, 1)
  await a.doc.saved.all()
  assert.equal(a.doc.saved.pending, 0)
  b.append("i")
  await b.doc.saved.all()
  await until("both have both ops", () => a.ops.size === 2 && b.ops.size === 2)
  assert.equal(a.content, b.content)
  assert.deepEqual([...new Set(a.statuses)], ["syncing", "live"])
})

test("who enters a document that the page is in shares the stay, until all have left it", async () => {
  const { connection, doc } = peer(relay.url, "stay")
  const other = peer(relay.url, "stay")
  const again = connection.join("stay")
  assert.equal(again, doc)
  const heard: unknown[] = []
  again.ops.on((batch) => heard.push(...batch.map((op) => op.payload)))
  other.append("one")
  await until("both listeners have it", () => heard.length === 1)
  again.leave()
  assert.equal(doc.append("two").seq, 1)
  await doc.saved.all()
  await until("it is live", () => doc.status.state === "live")
  await until("the other has it", () => other.ops.size === 2)
  doc.leave()
  doc.leave() // one too many ends nobody else's stay
  const anew = connection.join("stay")
  assert.notEqual(anew, doc)
  connection.join("stay").leave()
  await until("it is in again", () => anew.status.state === "live")
})

test("a connection that is closed ends shared stays too", async () => {
  const { connection, doc } = peer(relay.url, "closed")
  connection.join("closed")
  await until("it is live", () => doc.status.state === "live")
  connection.close()
  assert.deepEqual(await doc.ops[Symbol.asyncIterator]().next(), { done: true, value: undefined })
})
