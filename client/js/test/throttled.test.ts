import assert from "node:assert/strict"
import { test } from "node:test"
import { until } from "./harness/deadline.ts"
import { Peer } from "./harness/peer.ts"
import { startRelay } from "./harness/relay.ts"

// A relay takes 8,192 ops at once, and here 1,000 a second from then on.
test("what is more than a relay takes at once is saved in time", async (t) => {
  const relay = await startRelay({
    tokens: ["ann", "bob"].map((who) => ({
      token: `t-${who}`,
      subject: who,
      docs: { "*": ["read", "write", "presence"] },
    })),
    args: ["--ops-per-second", "1000", "--burst", "1s", "--subject-factor", "1"],
  })
  const [ann, bob] = ["ann", "bob"].map((who) => new Peer(relay.url, "d", { token: `t-${who}` })) as [
    Peer,
    Peer,
  ]
  t.after(async () => {
    for (const { connection } of [ann, bob]) connection.close()
    await relay.close()
  })
  const n = 10_000
  for (let i = 0; i < n; i++) ann.append(i)
  await ann.doc.saved.all()
  await until("both have all", () => bob.ops.size === n)
  assert.equal(ann.content, bob.content)
  assert.deepEqual([ann.faults, bob.faults, ann.problems, bob.problems], [[], [], [], []])
})
