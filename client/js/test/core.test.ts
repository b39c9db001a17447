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
