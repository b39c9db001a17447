import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { ErrorFrame } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { becomes, begin, enter, enterAgain, entry, type Line, name, soon, three } from "./harness/script.ts"

/** Answers a frame with an error. Of a frame that it does not understand, a relay does not know the document. */
function answer(line: Line, to: { id?: string | number }, code: ErrorFrame["code"], retry_ms?: number): void {
  line.send({
    type: "error",
    ...(to.id !== undefined && { id: to.id }),
    code,
    message: `it is ${code}`,
    ...(code !== "unknown_type" && { doc: name }),
    ...(retry_ms !== undefined && { retry_ms }),
  })
}

const refusals = [
  "unknown_type",
  "invalid",
  "already_joined",
  "forbidden",
  "not_found",
  "format",
  "pruned",
  "too_many_docs",
] as const

for (const code of refusals) {
  test(`${code} in answer to a join: refused, the work kept, and no join again`, async (t) => {
    const { relay, connection, doc, line } = await begin(t)
    doc.append("a")
    line.welcome()
    answer(line, await line.expect("join"), code)
    assert.equal(await becomes(doc, "refused"), code)
    assert.equal(doc.status.reason?.message, `it is ${code}`)
    assert.equal(doc.saved.pending, 1)
    line.close(1012)
    const second = await relay.next()
    second.welcome()
    await second.taken()
    connection.join("another")
    assert.equal((await second.expect("join")).doc, "another")
  })
}

test("recover() after a refused join enters the document again, with the work under a new actor", async (t) => {
  const { doc, line } = await begin(t)
  const { actor } = doc.append("a")
  line.welcome()
  answer(line, await line.expect("join"), "forbidden")
  await becomes(doc, "refused")
  doc.recover()
  line.joined(await line.expect("join"))
  const { ops } = await line.expect("ops")
  assert.deepEqual(ops[0]?.payload, "a")
  assert.notEqual(ops[0]?.actor, actor)
})

describe("later", { concurrency: true }, () => {
  for (const code of ["rate_limited", "unavailable"] as const) {
    test(`${code} in answer to a join: it joins again after retry_ms`, async (t) => {
      const { doc, line } = await begin(t)
      doc.append("a")
      line.welcome()
      const at = Date.now()
      const first = await line.expect("join")
      answer(line, first, code, 600)
      const second = await line.expect("join")
      assert.ok(line.heardAt - at >= 599, `it came again after ${line.heardAt - at} ms`)
      assert.notEqual(second.id, first.id)
      line.joined(second)
      line.live()
      await line.expect("ops")
      assert.equal(await becomes(doc, "live"), undefined)
    })

    test(`${code} in answer to ops: the very same bytes again after retry_ms`, async (t) => {
      const { doc, line } = await enter(t)
      const [a, , c] = three(doc)
      const frame = await line.expect("ops")
      const at = Date.now()
      answer(line, frame, code, 400)
      await line.expect("ops")
      assert.ok(line.heardAt - at >= 399, `it came again after ${line.heardAt - at} ms`)
      line.ack(a)
      await line.expect("ops")
      line.ack(c)
      await soon("all is saved", doc.saved.all())
      const [one, two, tri] = line.opTexts
      assert.deepEqual(line.opTexts, [one, two, tri, one, two, tri])
    })
  }
})

for (const code of ["unknown_type", "invalid", "forbidden"] as const) {
  test(`${code} in answer to ops: never again, and the work kept`, async (t) => {
    const { doc, line } = await enter(t)
    three(doc)
    answer(line, await line.expect("ops"), code)
    assert.equal(await becomes(doc, "refused"), code === "forbidden" ? code : "invalid")
    doc.append("d")
    await line.expectNothing(doc)
    assert.equal(doc.saved.pending, 4)
  })
}

test("not_joined in answer to ops: it joins, and sends the very same bytes again", async (t) => {
  const { doc, line } = await enter(t)
  const [, , c] = three(doc)
  answer(line, await line.expect("ops"), "not_joined")
  await line.expect("leave")
  line.joined(await line.expect("join"))
  line.live()
  await line.expect("ops")
  assert.deepEqual(line.opTexts.slice(3), line.opTexts.slice(0, 3))
  line.ack(c)
  await soon("all is saved", doc.saved.all())
})

for (const code of [...refusals, "not_joined", "rate_limited", "unavailable"] as const) {
  test(`${code} in answer to what is no join and no op: told, and nothing else`, async (t) => {
    const { doc, line, problems } = await enter(t)
    doc.publish("hello")
    await line.expect("event")
    line.send({ type: "error", code, message: `it is ${code}`, doc: name })
    await until("it is told", () => problems.length > 0)
    assert.deepEqual(problems, [code])
    await line.expectNothing(doc)
    assert.equal(doc.status.state, "live")
  })
}

for (const code of ["deleted", "forbidden", "closed", "replaced"] as const) {
  test(`left ${code}: refused, nobody there, the work kept, and no join again`, async (t) => {
    const { connection, doc, line } = await enter(t)
    line.send({ type: "presence", doc: name, states: { bob: { state: { at: 1 } } } })
    doc.append("a")
    await line.expect("ops")
    await until("bob is there", () => doc.presence.others.size === 1)
    const saved = assert.rejects(doc.saved.all(), { code })
    line.send({ type: "left", doc: name, code })
    assert.equal(await becomes(doc, "refused"), code)
    await soon("it rejects", saved)
    assert.equal(doc.presence.others.size, 0)
    assert.equal(doc.saved.pending, 1)
    connection.join("another")
    assert.equal((await line.expect("join")).doc, "another")
  })

  test(`left ${code}: recover() enters the document again${code === "deleted" ? ", from its start" : ""}`, async (t) => {
    const { doc, line } = await enter(t)
    line.ops(entry(1, "bob", 1))
    await until("the op is there", () => doc.place.offset === 1)
    const { actor } = doc.append("a")
    await line.expect("ops")
    line.send({ type: "left", doc: name, code })
    await becomes(doc, "refused")
    doc.recover()
    const join = await line.expect("join")
    const since = code === "deleted" ? undefined : { bob: 1 }
    assert.deepEqual(join.since?.clock, since)
    line.joined(join, code === "deleted" ? { epoch: "" } : { head: 1, from: 1, clock: { bob: 1 } })
    const { ops } = await line.expect("ops")
    assert.equal(ops[0]?.payload, "a")
    assert.notEqual(ops[0]?.actor, actor)
    assert.deepEqual(ops[0]?.clock, since ?? {})
  })
}

test("access without write: read-only, and append throws forbidden and keeps nothing, until it comes back", async (t) => {
  const { doc, line } = await enter(t)
  line.send({ type: "access", doc: name, access: ["read", "presence"] })
  await becomes(doc, "read-only")
  assert.deepEqual(doc.status.access, ["read", "presence"])
  assert.throws(() => doc.append("a"), { name: "BatonError", code: "forbidden" })
  assert.equal(doc.saved.pending, 0)
  await line.expectNothing(doc)
  line.send({ type: "access", doc: name, access: ["read", "write", "presence"] })
  await becomes(doc, "live")
  assert.equal(doc.append("b").seq, 1)
  assert.equal((await line.expect("ops")).ops[0]?.payload, "b")
})

test("a join that gives no right to write: read-only from the start", async (t) => {
  const { doc } = await enter(t, { joined: { access: ["read"] } })
  assert.equal(doc.status.state, "read-only")
  assert.throws(() => doc.append("a"), { code: "forbidden" })
})

test("frame types and fields that are not known are ignored", async (t) => {
  const future = { wibble: { type: "left" }, codes: [1] }
  const { doc, line, ops, problems } = await begin(t)
  line.welcome({ ...future } as object)
  line.joined(await line.expect("join"), { ...future } as object)
  for (const frame of [
    { type: "wibble" },
    { type: "wibble", doc: name },
    { type: "constructor", doc: name },
    { doc: name },
    { type: "live", doc: "of-nobody", offset: 7 },
    { type: "live", doc: "constructor", offset: 7 },
    { type: "ops", doc: name, ops: [{ ...entry(1, "bob", 1), ...future }], ...future },
    { type: "live", doc: name, offset: 1, ...future },
  ])
    line.sendText(JSON.stringify(frame))
  await becomes(doc, "live")
  assert.deepEqual(ops, ["bob:1"])
  assert.deepEqual(problems, [])
  await line.expectNothing(doc)
})

for (const text of ['{"type":"live"', "", "null", "7", '"live"']) {
  test(`the frame ${text || "without a text"} cannot be read: another connection, and nothing lost`, async (t) => {
    const { relay, doc, line } = await enter(t)
    const op = doc.append("a")
    await line.expect("ops")
    line.sendText(text)
    const second = await relay.next()
    await enterAgain(second)
    await second.expect("ops")
    assert.deepEqual(second.opTexts, line.opTexts)
    second.ack(op)
    await soon("all is saved", doc.saved.all())
  })
}
