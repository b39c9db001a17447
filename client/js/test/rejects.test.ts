import assert from "node:assert/strict"
import { describe, type TestContext, test } from "node:test"
import type { Dot } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { becomes, begin, enter, enterAgain, entry, type Line, name, soon, three } from "./harness/script.ts"

/**
 * Has three ops sent and the first acked. What is done then makes the others come again, the very same bytes and in
 * order. Returns after how long, ms.
 */
async function comeAgain(t: TestContext, refuse: (line: Line, b: Dot, c: Dot) => void): Promise<number> {
  const { doc, line } = await enter(t)
  const [a, b, c] = three(doc)
  await line.expect("ops")
  const [one, two, tri] = line.opTexts
  line.ack(a)
  const at = Date.now()
  refuse(line, b, c)
  await line.expect("ops")
  const after = line.heardAt - at
  line.ack(b)
  await line.expect("ops")
  line.ack(c)
  await soon("all is saved", doc.saved.all())
  assert.deepEqual(line.opTexts, [one, two, tri, two, tri])
  assert.equal(doc.status.state, "live")
  return after
}

describe("later", { concurrency: true }, () => {
  for (const code of ["rate_limited", "unavailable"] as const) {
    test(`${code}: the very same bytes again from that op on, in order, after retry_ms`, async (t) => {
      const after = await comeAgain(t, (line, b, c) => {
        line.reject(b, code, { retry_ms: 400 })
        line.reject(c, "gap", { expected: b.seq })
      })
      assert.ok(after >= 399, `it came again after ${after} ms`)
    })
  }

  test("two rejects of one frame: both ops again, in order", async (t) => {
    await comeAgain(t, (line, b, c) => {
      line.reject(b, "rate_limited", { retry_ms: 100 })
      line.reject(c, "unavailable", { retry_ms: 200 })
    })
  })

  test("rate_limited without retry_ms: the op comes again all the same", async (t) => {
    const { doc, line } = await enter(t)
    const op = doc.append("a")
    await line.expect("ops")
    line.reject(op, "rate_limited")
    await line.expect("ops")
    const [one] = line.opTexts
    assert.deepEqual(line.opTexts, [one, one])
  })

  test("missing: the same bytes again as soon as the named ops came", async (t) => {
    const { doc, line } = await enter(t)
    const [a] = three(doc)
    await line.expect("ops")
    const at = Date.now()
    line.reject(a, "missing", { missing: { bob: 2 } })
    line.ops(entry(1, "bob", 1))
    line.ops(entry(2, "bob", 2))
    await line.expect("ops")
    assert.ok(line.heardAt - at < 900, `it came again after ${line.heardAt - at} ms`)
    assert.equal(line.opTexts[3], line.opTexts[0])
  })

  test("missing: another actor's ops go first, for those may be what it waits for", async (t) => {
    const { doc, line } = await enter(t)
    const late = doc.append("late", { actor: "xavier", seq: 1, clock: { yolanda: 1 } })
    const early = doc.append("early", { actor: "yolanda", seq: 1, clock: {} })
    await line.expect("ops")
    line.reject(late, "missing", { missing: { yolanda: 1 } })
    const { ops } = await line.expect("ops")
    assert.deepEqual(
      ops.map((op) => op.actor),
      ["yolanda", "xavier"],
    )
    line.ack(early)
    line.ack(late)
    await soon("all is saved", doc.saved.all())
  })

  test("missing: the same bytes again after a second, if the named ops do not come", async (t) => {
    const { doc, line } = await enter(t)
    const [a] = three(doc)
    await line.expect("ops")
    const at = Date.now()
    line.reject(a, "missing", { missing: { bob: 2 } })
    line.ops(entry(1, "bob", 1))
    await line.expect("ops")
    assert.ok(line.heardAt - at >= 999, `it came again after ${line.heardAt - at} ms`)
    assert.equal(line.opTexts[3], line.opTexts[0])
  })
})

test("gap: the same bytes again from the expected op on", async (t) => {
  await comeAgain(t, (line, b, c) => line.reject(c, "gap", { expected: b.seq }))
})

test("gap: a log that has more of the actor than was made here is not the one written here", async (t) => {
  const { doc, line } = await enter(t)
  const op = doc.append("a")
  await line.expect("ops")
  line.reject(op, "gap", { expected: 5 })
  assert.equal(await becomes(doc, "refused"), "gap")
  await line.expectNothing(doc)
  assert.equal(doc.saved.pending, 1)
})

test("gap: a log that lacks what was acked is not the one written here", async (t) => {
  const { doc, line } = await enter(t)
  const [, b, c] = three(doc)
  await line.expect("ops")
  line.ack(b)
  line.reject(c, "gap", { expected: 1 })
  assert.equal(await becomes(doc, "refused"), "gap")
  await line.expectNothing(doc)
  assert.equal(doc.saved.pending, 1)
})

test("gap: a log that has the rejected op already, by its own word, is not the one written here", async (t) => {
  const { doc, line } = await enter(t)
  const [a, , c] = three(doc)
  await line.expect("ops")
  line.reject(a, "gap", { expected: c.seq })
  await line.expectNothing(doc) // an ack of the third would take the others as saved
  assert.equal(doc.status.state, "refused")
  assert.equal(doc.saved.pending, 3)
})

for (const code of ["too_large", "invalid", "forbidden", "closed", "conflict"] as const) {
  test(`${code}: never again, the reason told, and the work kept`, async (t) => {
    const { relay, doc, line } = await enter(t)
    const [a, b] = three(doc)
    const saved = assert.rejects(doc.saved.all(), { code })
    await line.expect("ops")
    line.ack(a)
    line.reject(b, code)
    assert.equal(await becomes(doc, "refused"), code)
    assert.equal(doc.status.reason?.message, `it is ${code}`)
    await soon("it rejects", saved)
    doc.append("d")
    await line.expectNothing(doc)
    line.close(1012)
    const second = await relay.next()
    await enterAgain(second, { head: 1, from: 1 })
    await second.expectNothing(doc)
    assert.equal(doc.status.reason?.code, code)
    assert.equal(doc.saved.pending, 3)
  })

  const without = code === "too_large" || code === "invalid"
  test(`${code}: recover() makes the work again under a new actor${without ? ", but for that op" : ""}`, async (t) => {
    const { doc, line } = await enter(t)
    const [a, b] = three(doc)
    await line.expect("ops")
    line.ack(a)
    line.reject(b, code)
    await becomes(doc, "refused")
    const again = doc.recover()
    assert.equal((await line.expect("leave")).doc, name)
    const join = await line.expect("join")
    assert.deepEqual(join.since?.clock, { [a.actor]: 1 })
    line.joined(join, { head: 1, from: 1, clock: { [a.actor]: 1 } })
    line.live(1)
    const { ops } = await line.expect("ops")
    assert.deepEqual(
      ops.map((op) => op.payload),
      without ? ["c"] : ["b", "c"],
    )
    assert.deepEqual(
      ops.map(({ actor, seq }) => ({ actor, seq })),
      again,
    )
    assert.notEqual(ops[0]?.actor, a.actor)
    assert.deepEqual(ops[0]?.clock, { [a.actor]: 1 })
    line.ack(again.at(-1) ?? a, 3)
    await soon("all is saved", doc.saved.all())
    assert.equal(await becomes(doc, "live"), undefined)
  })
}

test("discard() gives the work back, and what is made next has a new actor", async (t) => {
  const { doc, line } = await enter(t)
  const [a, b] = three(doc)
  await line.expect("ops")
  line.ack(a)
  line.reject(b, "conflict")
  await becomes(doc, "refused")
  const given = doc.discard()
  assert.deepEqual(
    given.map((op) => [op.seq, op.payload]),
    [
      [2, "b"],
      [3, "c"],
    ],
  )
  assert.equal(doc.saved.pending, 0)
  await line.expect("leave")
  line.joined(await line.expect("join"), { head: 1, from: 1 })
  await line.expectNothing(doc)
  const { actor, seq } = doc.append("d")
  assert.equal((await line.expect("ops")).ops[0]?.payload, "d")
  assert.equal(seq, 1)
  assert.notEqual(actor, a.actor)
})

test("recover() where two ops are larger than the relay takes loses none of the others", async (t) => {
  const { doc, line } = await begin(t)
  const big = "x".repeat(5000)
  for (const payload of [big, big, "small"]) doc.append(payload)
  await enterAgain(line, {}, { frame_bytes: 4096, op_bytes: 3072 })
  assert.equal(await becomes(doc, "refused"), "too_large")
  try {
    doc.recover()
  } catch {
    // That it tells so is as good, if nothing is lost.
  }
  assert.ok(doc.discard().some((op) => op.payload === "small"))
})

test("recover() by a session that may not write any more loses nothing", async (t) => {
  const { doc, line } = await enter(t)
  const [a] = three(doc)
  await line.expect("ops")
  line.send({ type: "access", doc: name, access: ["read"] })
  line.reject(a, "forbidden")
  await becomes(doc, "refused")
  try {
    doc.recover()
  } catch {
    // That it tells so is as good.
  }
  assert.equal(doc.saved.pending, 3)
})

for (const [what, seq, payload] of [
  ["in the place of one of mine", 1, "not mine"],
  ["behind all of mine", 2, "a"],
] as const) {
  test(`a delivered op of my actor that I did not make, ${what}, means conflict`, async (t) => {
    const { doc, line } = await enter(t)
    const op = doc.append("a")
    await line.expect("ops")
    if (seq === 2) line.ack(op)
    line.ops(entry(seq, op.actor, seq, {}, payload))
    assert.equal(await becomes(doc, "refused"), "conflict")
    doc.append("b")
    await line.expectNothing(doc)
    const [again] = doc.recover()
    assert.notEqual(again?.actor, op.actor)
  })
}

test("others that follow from an op of my actor that I did not make: it still is a conflict", async (t) => {
  const { doc, line, ops, problems } = await enter(t)
  const op = doc.append("a")
  await line.expect("ops")
  line.ack(op)
  const foreign = [entry(2, op.actor, 2), entry(3, "bob", 1, { [op.actor]: 2 })]
  line.ops(...foreign)
  assert.equal(await becomes(doc, "refused"), "conflict")
  await line.expectNothing(doc)
  assert.deepEqual(problems, [])
  doc.recover()
  await line.expect("leave")
  const join = await line.expect("join")
  assert.deepEqual(join.since?.clock, { [op.actor]: 1 })
  line.joined(join, { head: 3, from: 1, clock: { [op.actor]: 2, bob: 1 } })
  line.ops(...foreign)
  line.live(3)
  await becomes(doc, "live")
  assert.deepEqual(ops, [`${op.actor}:2`, "bob:1"])
})

test("a delivered op of my actor that I made means that it is saved", async (t) => {
  const { doc, line, ops } = await enter(t)
  const [, b] = three(doc)
  await line.expect("ops")
  line.ops(entry(1, b.actor, 1, {}, "a"), entry(2, b.actor, 2, {}, "b"))
  await until("two are saved", () => doc.saved.pending === 1)
  assert.deepEqual(ops, [], "they are not given back to who made them")
  assert.equal(doc.status.state, "live")
})

test("one ack is for all ops of its actor up to its seq", async (t) => {
  const { doc, line } = await enter(t)
  const [, b, c] = three(doc)
  await line.expect("ops")
  line.ack(b, 7)
  await until("two are saved", () => doc.saved.pending === 1)
  assert.equal(doc.place.offset, 7)
  assert.deepEqual(doc.place.clock, { [b.actor]: 2 })
  line.ack(c, 9)
  await soon("all is saved", doc.saved.all())
})

test("acks and rejects of an actor that was given up are nobody's", async (t) => {
  const { doc, line } = await enter(t)
  const [a, b] = three(doc)
  await line.expect("ops")
  line.reject(a, "conflict")
  await becomes(doc, "refused")
  doc.discard()
  const mine = doc.append("d")
  await line.expect("leave")
  await line.expect("join").then((join) => line.joined(join))
  line.live()
  await line.expect("ops")
  line.ack(b)
  line.reject(a, "conflict")
  line.reject(b, "too_large")
  await line.expectNothing(doc)
  assert.equal(doc.saved.pending, 1)
  assert.equal(await becomes(doc, "live"), undefined)
  line.ack(mine)
  await soon("all is saved", doc.saved.all())
})
