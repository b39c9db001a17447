// What operators do to a log by baton-snapshot, while people are in its documents.

import assert from "node:assert/strict"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import * as A from "@automerge/automerge"
import WebSocket from "ws"
import * as Y from "yjs"
import { type AutomergeBinding, firstChange, openAutomerge } from "../src/automerge/index.ts"
import type { Divergence } from "../src/index.ts"
import { BatonProvider } from "../src/yjs/index.ts"
import { snapshotTool } from "./harness/binary.ts"
import { until } from "./harness/deadline.ts"
import { packageFolder } from "./harness/place.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

interface Board {
  shapes: { [id: string]: number }
}

const first = firstChange<Board>((d) => {
  d.shapes = {}
})

function board(t: TestContext, relay: Relay, name: string): AutomergeBinding<Board> {
  const b = openAutomerge<Board>(relay.url, name, { WebSocket, shared: false, minBackoff: 20, first })
  t.after(() => b.close())
  return b
}

async function begin(t: TestContext): Promise<Relay> {
  const relay = await startRelay()
  t.after(() => relay.close())
  return relay
}

function draw(b: AutomergeBinding<Board>, id: string, value: number): void {
  b.change((d) => {
    d.shapes[id] = value
  })
}

/** The prover as it is built. */
const prover = join(packageFolder, "dist", "prove.js")

const state = (b: AutomergeBinding<Board>) => b.document.status.state
const shapes = (b: AutomergeBinding<Board>) => A.toJS(b.doc).shapes
const heads = (b: AutomergeBinding<Board>) => A.getHeads(b.doc).sort().join()

test("after a compaction and a pruning, who joins late loads the snapshot and has the same", async (t) => {
  const relay = await begin(t)
  const ann = board(t, relay, "plan")
  for (let i = 0; i < 200; i++) draw(ann, `s${i % 20}`, i)
  await ann.document.saved.all()
  await snapshotTool("compact", "plan", "--prune-before", "--prover", prover, "--url", relay.url)
  const { first: from, head } = await (await fetch(`${relay.url}/v1/docs/plan`)).json()
  assert.equal(from, head + 1)

  draw(ann, "after", 1)
  const bob = board(t, relay, "plan")
  await until("Bob has what Ann has", () => state(bob) === "live" && heads(bob) === heads(ann))
  assert.deepEqual(shapes(bob), shapes(ann))
  draw(bob, "bob's", 2)
  await until("Ann has what Bob has", () => heads(ann) === heads(bob))
  await snapshotTool("verify", "--url", relay.url)
})

test("ops are pruned for a snapshot that a client stored, though there is no prover", async (t) => {
  const relay = await begin(t)
  const ann = board(t, relay, "plan")
  for (let i = 0; i < 20; i++) draw(ann, `s${i}`, i)
  await ann.document.saved.all()
  await until("she stores a snapshot", () => ann.compact())
  draw(ann, "after", 1)
  await ann.document.saved.all()
  await snapshotTool("compact", "plan", "--prune-before", "--prover", "none", "--url", relay.url)
  const { first: from, head } = await (await fetch(`${relay.url}/v1/docs/plan`)).json()
  assert.equal(from, head, "all but the op after her snapshot")
  const late = board(t, relay, "plan")
  await until("who joins late has all", () => state(late) === "live" && heads(late) === heads(ann))
  assert.deepEqual(shapes(late), shapes(ann))
})

test("an older backup under live clients: both hear of it, and nothing that they have is lost", async (t) => {
  const relay = await begin(t)
  const [ann, bob] = [board(t, relay, "plan"), board(t, relay, "plan")]
  const heard: Divergence[] = []
  for (const b of [ann, bob]) b.document.on("diverged", (d) => heard.push(d))
  draw(ann, "old", 1)
  draw(bob, "older", 2)
  await Promise.all([ann.document.saved.all(), bob.document.saved.all()])
  const backup = join(relay.dir, "..", "backup.db")
  await snapshotTool("backup", backup, "--url", relay.url)

  draw(ann, "ann's, saved", 3)
  draw(bob, "bob's, saved", 4)
  await Promise.all([ann.document.saved.all(), bob.document.saved.all()])
  await until("both have all", () => heads(ann) === heads(bob))
  await relay.stop()
  draw(ann, "ann's, offline", 5)
  const all = { old: 1, older: 2, "ann's, saved": 3, "bob's, saved": 4, "ann's, offline": 5 }
  await snapshotTool("restore", backup, "--replace", "--log", join(relay.dir, "oplog.db"))
  await relay.start()

  await until("both hear of it", () => state(ann) === "diverged" && state(bob) === "diverged")
  assert.equal(heard.length, 2)
  for (const d of heard)
    assert.equal(Object.keys(d.lost).length, 2, `what is lost: ${JSON.stringify(d.lost)}`)
  assert.deepEqual(shapes(ann), all)
  ann.recover()
  bob.recover()
  await until(
    "both are live and the same",
    () => state(ann) === "live" && state(bob) === "live" && heads(ann) === heads(bob),
  )
  await Promise.all([ann.document.saved.all(), bob.document.saved.all()])
  const late = board(t, relay, "plan")
  await until("who comes late has all", () => state(late) === "live" && heads(late) === heads(ann))
  assert.deepEqual(shapes(late), all)
  await snapshotTool("verify", "--url", relay.url)
})

test("an older backup under a live text: it hears of it, and sends again what is lost", async (t) => {
  const relay = await begin(t)
  const open = () => {
    const doc = new Y.Doc()
    const provider = new BatonProvider(relay.url, "notes", doc, { WebSocket, shared: false, minBackoff: 20 })
    t.after(() => provider.destroy())
    return { doc, provider, text: doc.getText("text") }
  }
  const ann = open()
  ann.text.insert(0, "kept ")
  await ann.provider.document.saved.all()
  const backup = join(relay.dir, "..", "backup.db")
  await snapshotTool("backup", backup, "--url", relay.url)
  ann.text.insert(5, "and lost")
  await ann.provider.document.saved.all()
  await relay.stop()
  await snapshotTool("restore", backup, "--replace", "--log", join(relay.dir, "oplog.db"))
  await relay.start()

  await until("she hears of it", () => ann.provider.document.status.state === "diverged")
  ann.provider.recover()
  await until("she is live", () => ann.provider.document.status.state === "live")
  await ann.provider.document.saved.all()
  const late = open()
  await until("who comes late has all", () => late.text.toString() === "kept and lost")
})
