import assert from "node:assert/strict"
import { test } from "node:test"
import { type Divergence, type Snapshot, snapshots } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import {
  becomes,
  begin,
  enter,
  enterAgain,
  entry,
  name,
  type Scene,
  soon,
  store,
  three,
} from "./harness/script.ts"

for (const [what, hole] of [
  ["of its actor", entry(3, "bob", 3)],
  ["that its clock names", entry(3, "carol", 1, { bob: 2 })],
] as const) {
  test(`an op without one before it ${what}: told, and asked for by clock`, async (t) => {
    const { doc, line, ops, problems } = await enter(t)
    line.ops(entry(1, "bob", 1), hole)
    await line.expect("leave")
    const join = await line.expect("join")
    assert.deepEqual(join.since, { clock: { bob: 1 } })
    assert.deepEqual(problems, ["lost"])
    assert.deepEqual(ops, ["bob:1"])
    line.joined(join, { head: 3, from: 1, clock: { bob: 2, [hole.actor]: hole.seq } })
    line.ops(entry(2, "bob", 2), hole)
    line.live(3)
    await becomes(doc, "live")
    assert.deepEqual(ops, ["bob:1", "bob:2", `${hole.actor}:${hole.seq}`])
    assert.equal(problems.length, 1)
  })
}

test("an op without one before it, again after the join: refused, it is lost", async (t) => {
  const { doc, line, ops, problems } = await enter(t)
  line.ops(entry(1, "bob", 1), entry(3, "bob", 3))
  await line.expect("leave")
  line.joined(await line.expect("join"), { head: 3, from: 1, clock: { bob: 3 } })
  line.ops(entry(3, "bob", 3))
  assert.equal(await becomes(doc, "refused"), "lost")
  await line.expect("leave")
  assert.deepEqual(problems, ["lost", "lost"])
  assert.deepEqual(ops, ["bob:1"])
})

test("what is still on its way of the stay before the join counts no more", async (t) => {
  const { doc, line, ops, problems } = await enter(t)
  line.ops(entry(1, "bob", 1), entry(3, "bob", 3))
  line.ops(entry(4, "bob", 4))
  line.live(4)
  await line.expect("leave")
  line.send({ type: "left", doc: name, code: "left" })
  line.joined(await line.expect("join"), { head: 4, from: 1, clock: { bob: 4 } })
  line.ops(entry(2, "bob", 2), entry(3, "bob", 3), entry(4, "bob", 4))
  line.live(4)
  await becomes(doc, "live")
  assert.deepEqual(ops, ["bob:1", "bob:2", "bob:3", "bob:4"])
  assert.deepEqual(problems, ["lost"])
})

test("a hole that a join has filled counts no more: the next one is asked for as well", async (t) => {
  const { doc, line, ops } = await enter(t)
  for (const n of [2, 4]) {
    line.ops(entry(n, "bob", n))
    await line.expect("leave")
    line.joined(await line.expect("join"), { head: n, from: n - 2, clock: { bob: n } })
    line.ops(entry(n - 1, "bob", n - 1), entry(n, "bob", n))
    line.live(n)
    await becomes(doc, "live")
  }
  assert.deepEqual(ops, ["bob:1", "bob:2", "bob:3", "bob:4"])
})

test("a catch-up that ends without what joined.clock names: asked for once more, then lost", async (t) => {
  const { doc, line, problems } = await begin(t)
  line.welcome()
  const short = { head: 2, clock: { bob: 1, carol: 1 } }
  line.joined(await line.expect("join"), short)
  line.ops(entry(1, "bob", 1))
  line.live(2)
  await line.expect("leave")
  assert.notEqual(doc.status.state, "live")
  const join = await line.expect("join")
  assert.deepEqual(join.since, { clock: { bob: 1 } })
  line.joined(join, short)
  line.live(2)
  assert.equal(await becomes(doc, "refused"), "lost")
  assert.deepEqual(problems, ["lost", "lost"])
})

test("ops that are there already are dropped by name", async (t) => {
  const { doc, line, ops, problems } = await enter(t)
  line.ops(entry(1, "bob", 1), entry(2, "bob", 2))
  line.ops(entry(2, "bob", 2), entry(1, "bob", 1), entry(5, "bob", 3, { bob: 2 }))
  line.ops(entry(6, "carol", 1, { bob: 3 }))
  await until("the last is there", () => doc.place.offset === 6)
  assert.deepEqual(ops, ["bob:1", "bob:2", "bob:3", "carol:1"])
  assert.deepEqual(problems, [])
})

/** Has bob:1 and bob:2, and one op that is not acked; then the connection is cut, and the client joins again. */
async function back(scene: Scene, { pending }: { pending: boolean }) {
  const { relay, doc, line } = scene
  const diverged: Divergence[] = []
  doc.on("diverged", (d) => diverged.push(d))
  line.ops(entry(1, "bob", 1), entry(2, "bob", 2))
  await until("the ops are there", () => doc.place.offset === 2)
  const mine = pending ? doc.append("mine") : undefined
  if (pending) await line.expect("ops")
  line.cut()
  const second = await relay.next()
  second.welcome()
  const join = await second.expect("join")
  assert.deepEqual(join.since, { epoch: "e1", offset: 2, clock: { bob: 2 } })
  return { diverged, mine, second, join }
}

test("another epoch, nothing unsaved: told, and it goes on by clock", async (t) => {
  const scene = await enter(t)
  const { diverged, second, join } = await back(scene, { pending: false })
  second.joined(join, { epoch: "e2", head: 3, clock: { bob: 3 } })
  second.ops(entry(1, "bob", 1), entry(2, "bob", 2), entry(3, "bob", 3))
  second.live(3)
  await becomes(scene.doc, "live")
  assert.deepEqual(diverged, [{ was: "e1", is: "e2", lost: {} }])
  assert.deepEqual(scene.ops, ["bob:1", "bob:2", "bob:3"])
  scene.doc.append("a")
  assert.deepEqual((await second.expect("ops")).ops[0]?.clock, { bob: 3 })
  assert.deepEqual(scene.doc.place.epoch, "e2")
})

test("another epoch, pruned: the offset of the old one does not count", async (t) => {
  const scene = await enter(t)
  const { second, join } = await back(scene, { pending: false })
  second.joined(join, { epoch: "e2", head: 2, first: 2, from: 1, clock: { bob: 3, dave: 1 } })
  second.ops(entry(2, "bob", 3, { dave: 1 }))
  second.live(2)
  await becomes(scene.doc, "live")
  assert.deepEqual(scene.ops, ["bob:1", "bob:2", "bob:3"])
  assert.deepEqual(scene.problems, [])
})

test("another epoch, something unsaved: diverged, and nothing sent, on the next connection neither", async (t) => {
  const scene = await enter(t)
  const { diverged, second, join } = await back(scene, { pending: true })
  second.joined(join, { epoch: "e2", head: 2, from: 2, clock: { bob: 2 } })
  second.live(2)
  await becomes(scene.doc, "diverged")
  assert.deepEqual(diverged, [{ was: "e1", is: "e2", lost: {} }])
  await second.expectNothing(scene.doc)
  second.cut()
  const third = await scene.relay.next()
  await enterAgain(third, { epoch: "e2", head: 2, from: 2 })
  await third.expectNothing(scene.doc)
  assert.equal(scene.doc.status.state, "diverged")
  assert.equal(scene.doc.saved.pending, 1)
})

test("lost: diverged, and nothing sent, even where nothing was unsaved", async (t) => {
  const scene = await enter(t)
  const { diverged, second, join } = await back(scene, { pending: false })
  second.joined(join, { epoch: "e2", head: 1, from: 1, clock: { bob: 1 }, lost: { bob: 2 } })
  second.live(1)
  await becomes(scene.doc, "diverged")
  assert.deepEqual(diverged, [{ was: "e1", is: "e2", lost: { bob: 2 } }])
  scene.doc.append("a")
  await second.expectNothing(scene.doc)
  assert.equal(scene.doc.saved.pending, 1)
})

for (const way of ["recover", "discard"] as const) {
  test(`${way}() after lost goes on with the log as it is`, async (t) => {
    const scene = await enter(t)
    const { mine, second, join } = await back(scene, { pending: true })
    second.joined(join, { epoch: "e2", head: 1, from: 1, clock: { bob: 1 }, lost: { bob: 2 } })
    second.live(1)
    await becomes(scene.doc, "diverged")
    const saved = assert.rejects(scene.doc.saved.all(), { code: "discarded" })
    const rest = scene.doc[way]()
    assert.equal(rest.length, 1)
    await soon("nobody waits for what was taken back", saved)
    if (way === "discard") scene.doc.append("mine")
    await second.expect("leave")
    const again = await second.expect("join")
    assert.deepEqual(again.since, { clock: { bob: 1 } })
    second.joined(again, { epoch: "e2", head: 1, from: 1, clock: { bob: 1 } })
    second.live(1)
    const [op] = (await second.expect("ops")).ops
    assert.deepEqual([op?.seq, op?.clock, op?.payload], [1, { bob: 1 }, "mine"])
    assert.notEqual(op?.actor, mine?.actor)
    await becomes(scene.doc, "live")
    second.ops(entry(2, "bob", 2, {}, "another"))
    await until("the other bob:2 is there", () => scene.ops.length === 3)
  })
}

/** Takes states; `order` says what came, states and ops. */
function loader(order: string[], load: (text: string) => void = () => {}) {
  return snapshots((blob, format) => {
    load(Buffer.from(blob).toString())
    order.push(`${format} ${Buffer.from(blob)}`)
  })
}

test("a snapshot in joined is fetched and loaded before the ops behind it", async (t) => {
  const order: string[] = []
  const { relay, doc, line, problems } = await begin(t, {
    connect: { token: "good" },
    status: (token) => (token === "good" ? 200 : 401),
    join: { snapshots: loader(order) },
  })
  doc.ops.on((batch) => order.push(...batch.map((op) => `${op.actor}:${op.seq}`)))
  line.welcome()
  const join = await line.expect("join")
  assert.notEqual(join.snapshot, false)
  line.joined(join, { head: 3, from: 2, clock: { bob: 3 }, snapshot: store(relay, 2) })
  line.ops(entry(3, "bob", 3))
  line.live(3)
  await becomes(doc, "live")
  assert.deepEqual(order, ["json state 2", "bob:3"])
  assert.deepEqual(problems, [])
  assert.deepEqual([doc.place.offset, doc.place.clock], [3, { bob: 3 }])
})

test("a snapshot in mid-stream stands in for the ops up to it", async (t) => {
  const order: string[] = []
  const { relay, doc, line, problems } = await enter(t, { join: { snapshots: loader(order) } })
  doc.ops.on((batch) => order.push(...batch.map((op) => `${op.actor}:${op.seq}`)))
  line.ops(entry(1, "bob", 1))
  line.send({ type: "snapshot", doc: name, snapshot: store(relay, 5) })
  await until("it is loaded", () => order.length === 2)
  assert.deepEqual([doc.place.offset, doc.place.clock], [5, { bob: 5 }])
  line.ops(entry(6, "bob", 6))
  await until("the op behind it is there", () => doc.place.offset === 6)
  assert.deepEqual(order, ["bob:1", "json state 5", "bob:6"])
  assert.deepEqual(problems, [])
})

test("a snapshot that a cut has overtaken is not loaded", async (t) => {
  const order: string[] = []
  const { relay, doc, line, ops, problems } = await begin(t, { join: { snapshots: loader(order) } })
  const at = store(relay, 2)
  let answer: ((blob: Uint8Array) => void) | undefined
  relay.stored.set(
    at.url,
    new Promise<Uint8Array>((resolve) => {
      answer = resolve
    }),
  )
  line.welcome()
  line.joined(await line.expect("join"), { head: 2, from: 2, clock: { bob: 2 }, snapshot: at })
  line.live(2)
  await until("it is asked for", () => relay.asked.includes(`GET ${at.url}`))
  line.cut()
  const second = await relay.next()
  second.welcome()
  second.joined(await second.expect("join"), { head: 2, clock: { bob: 2 } })
  second.ops(entry(1, "bob", 1), entry(2, "bob", 2))
  second.live(2)
  await becomes(doc, "live")
  answer?.(Buffer.from("state 2"))
  await second.expectNothing(doc)
  assert.deepEqual([order, ops, problems], [[], ["bob:1", "bob:2"], []])
})

for (const [what, spoil] of [
  ["whose bytes are not what was stored", (at: Snapshot) => ({ ...at, sha256: "0".repeat(64) })],
  ["that is not there", (at: Snapshot) => ({ ...at, url: `${at.url}0` })],
  ["that cannot be loaded", (at: Snapshot) => at],
] as const) {
  test(`a snapshot ${what}: told, and the document comes as ops`, async (t) => {
    const order: string[] = []
    const load = () => {
      if (what === "that cannot be loaded") throw new Error("I cannot read it")
    }
    const { relay, doc, line, ops, problems } = await begin(t, { join: { snapshots: loader(order, load) } })
    line.welcome()
    const snapshot = spoil(store(relay, 2))
    line.joined(await line.expect("join"), { head: 3, from: 2, clock: { bob: 3 }, snapshot })
    line.ops(entry(3, "bob", 3))
    line.live(3)
    await line.expect("leave")
    const join = await line.expect("join")
    assert.equal(join.snapshot, false)
    assert.equal(join.since, undefined)
    assert.deepEqual(problems, ["snapshot"])
    line.joined(join, { head: 3, clock: { bob: 3 } })
    line.ops(entry(1, "bob", 1), entry(2, "bob", 2), entry(3, "bob", 3))
    line.live(3)
    await becomes(doc, "live")
    assert.deepEqual(ops, ["bob:1", "bob:2", "bob:3"])
    assert.deepEqual(order, [])
  })
}

test("where ops are pruned and nothing stands in, what is held is taken, and from then on nothing may lack", async (t) => {
  const { doc, line, ops, problems } = await begin(t)
  line.welcome()
  const join = await line.expect("join")
  assert.equal(join.snapshot, false)
  line.joined(join, { head: 5, first: 4, from: 3, clock: { bob: 4, carol: 1, dave: 1 } })
  line.ops(entry(4, "carol", 1, { bob: 3 }), entry(5, "bob", 4))
  line.live(5)
  await becomes(doc, "live")
  assert.deepEqual(ops, ["carol:1", "bob:4"])
  assert.deepEqual(problems, [])
  assert.deepEqual(doc.place.clock, { bob: 4, carol: 1, dave: 1 })
  line.ops(entry(7, "bob", 6))
  await line.expect("leave")
  assert.deepEqual(problems, ["lost"])
})

test("a snapshot in mid-stream that nobody loads: the ops that are held are taken", async (t) => {
  const { doc, line, ops } = await enter(t)
  line.ops(entry(1, "bob", 1))
  const snapshot = { offset: 5, url: `/v1/docs/${name}/snapshots/5`, bytes: 1, sha256: "0".repeat(64) }
  line.send({ type: "snapshot", doc: name, snapshot })
  await line.expect("leave")
  const join = await line.expect("join")
  assert.deepEqual([join.snapshot, join.since], [false, { clock: { bob: 1 } }])
  line.joined(join, { head: 6, first: 5, from: 4, clock: { bob: 6 } })
  line.ops(entry(5, "bob", 5), entry(6, "bob", 6))
  line.live(6)
  await becomes(doc, "live")
  assert.deepEqual(ops, ["bob:1", "bob:5", "bob:6"])
})

test("pruned while it was away, by offset: what is held is taken, and from then on nothing may lack", async (t) => {
  const scene = await enter(t)
  const { second, join } = await back(scene, { pending: false })
  second.joined(join, { head: 5, first: 5, from: 4 })
  second.ops(entry(5, "bob", 5))
  second.live(5)
  await becomes(scene.doc, "live")
  assert.deepEqual(scene.ops, ["bob:1", "bob:2", "bob:5"])
  assert.deepEqual(scene.problems, [])
  second.ops(entry(7, "bob", 7))
  await second.expect("leave")
  assert.deepEqual(scene.problems, ["lost"])
})

test("ops wait for the first listener", async (t) => {
  const { doc, line } = await enter(t, { listen: false })
  line.ops(entry(1, "bob", 1))
  line.ops(entry(2, "bob", 2))
  await until("the ops are there", () => doc.place.offset === 2)
  const batches: number[][] = []
  doc.ops.on((batch) => batches.push(batch.map((op) => op.seq)))
  assert.deepEqual(batches, [[1, 2]])
})

test("the iterator gives all that waited in one batch, and ends when the document is left", async (t) => {
  const { doc, line } = await enter(t, { listen: false })
  line.ops(entry(1, "bob", 1))
  line.ops(entry(2, "bob", 2))
  await until("the ops are there", () => doc.place.offset === 2)
  const batches: number[][] = []
  const reading = (async () => {
    for await (const batch of doc.ops) batches.push(batch.map((op) => op.seq))
  })()
  line.ops(entry(3, "bob", 3))
  await until("the third is read", () => batches.length === 2)
  doc.leave()
  await soon("it ends", reading)
  assert.deepEqual(batches, [[1, 2], [3]])
})

test("a listener that throws harms nobody, and what it threw shows", async (t) => {
  const thrown: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error.message))
  t.after(() => process.setUncaughtExceptionCaptureCallback(null))
  const { doc, line } = await enter(t, { listen: false })
  const bad = (what: string) => () => {
    throw new Error(what)
  }
  const ops: number[] = []
  doc.ops.on(bad("ops"))
  doc.on("event", bad("event"))
  doc.ops.on((batch) => ops.push(...batch.map((op) => op.seq)))
  line.send({ type: "event", doc: name, name: "hello" })
  line.ops(entry(1, "bob", 1))
  await until("the op is there", () => ops.length === 1)
  assert.equal(doc.place.offset, 1)
  await line.expectNothing(doc)
  assert.deepEqual(thrown, ["event", "ops"])
})

test("saved.all() resolves with what was made before it, whatever was made after", async (t) => {
  const { doc, line } = await enter(t)
  const a = doc.append("a")
  let saved = false
  const all = doc.saved.all().then(() => {
    saved = true
  })
  doc.append("b")
  await line.expect("ops")
  await line.taken()
  assert.equal(saved, false)
  line.ack(a)
  await soon("it resolves", all)
  assert.equal(doc.saved.pending, 1)
})

test("saved.all() rejects when an op is refused, and after that too", async (t) => {
  const { doc, line } = await enter(t)
  const [a] = three(doc)
  const before = assert.rejects(doc.saved.all(), { code: "conflict" })
  await line.expect("ops")
  line.reject(a, "conflict")
  await soon("it rejects", before)
  const outcome = await Promise.race([doc.saved.all().catch((error) => error.code), line.taken()])
  assert.equal(outcome, "conflict", "it is told at once")
})

test("saved.all() rejects when the document is left with unsaved work", async (t) => {
  const { doc } = await enter(t)
  doc.append("a")
  const all = assert.rejects(doc.saved.all(), { code: "closed" })
  doc.leave()
  await soon("it rejects", all)
})
