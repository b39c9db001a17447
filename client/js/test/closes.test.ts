import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import WebSocket from "ws"
import { connect } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { becomes, begin, enter, enterAgain, entry, type Scene, startScript, three } from "./harness/script.ts"

for (const code of [1000, 1001, 1008, 1009, 4400, 4403]) {
  test(`${code}: refused, and back only when told to, with all the work`, async (t) => {
    const { relay, connection, doc, line } = await enter(t)
    doc.append("a")
    await line.expect("ops")
    line.close(code, "so be it")
    assert.equal(await becomes(doc, "refused"), "closed")
    assert.equal(connection.status.state, "refused")
    assert.equal(connection.status.reason?.message, "so be it")
    connection.resume()
    const second = await relay.next()
    await enterAgain(second)
    await second.expect("ops")
    assert.deepEqual(second.opTexts, line.opTexts)
    assert.equal(relay.attempts.length, 2)
  })
}

describe("back by itself", { concurrency: true }, () => {
  for (const [code, least] of [
    [0, 0],
    [1002, 0],
    [1011, 0],
    [1012, 0],
    [1013, 1000],
    [4408, 0],
    [4429, 1000],
  ] as const) {
    const end = code || "a connection that is cut"
    test(`${end}: back${least ? ` after ${least} ms or more` : ""}, with the same token`, async (t) => {
      let asked = 0
      const { relay, doc, line } = await enter(t, { connect: { token: () => `token-${++asked}` } })
      assert.equal(line.token, "token-1")
      const at = Date.now()
      if (code) line.close(code)
      else line.cut()
      await becomes(doc, "offline")
      const second = await relay.next()
      const after = (relay.attempts[1] ?? 0) - at
      assert.ok(after >= least - 1, `it came back after ${after} ms`)
      assert.equal(second.token, "token-1")
      await enterAgain(second)
      await becomes(doc, "live")
    })
  }

  test("a handshake refused with Retry-After: not again before", async (t) => {
    const { relay, line } = await enter(t)
    relay.status = () => 503
    relay.retryAfter = 1
    line.cut()
    await until("it tries a third time", () => relay.attempts.length >= 3)
    const [, second = 0, third = 0] = relay.attempts
    assert.ok(third - second >= 999, `it tried again after ${third - second} ms`)
  })

  test("draining: new ops wait, and after 1012 it comes back no sooner than after retry_ms", async (t) => {
    const { relay, doc, line } = await enter(t)
    line.send({ type: "draining", retry_ms: 500 })
    await line.taken()
    doc.append("a")
    await line.expectNothing(doc)
    const at = Date.now()
    line.close(1012)
    const second = await relay.next()
    const after = (relay.attempts[1] ?? 0) - at
    assert.ok(after >= 499, `it came back after ${after} ms`)
    await enterAgain(second)
    assert.equal((await second.expect("ops")).ops[0]?.payload, "a")
  })

  test("a relay that does not answer a ping within half the heartbeat is taken for gone", async (t) => {
    const { relay, doc, line } = await enter(t, { connect: { heartbeat: 600 } })
    await until("a ping was answered", () => line.pings > 0)
    assert.equal(relay.attempts.length, 1)
    line.alive = false
    const second = await relay.next()
    await enterAgain(second)
    await becomes(doc, "live")
  })
})

// A timer that is told more than 2^31-1 ms goes off at once.
for (const [what, ask] of [
  [
    "1012 after draining",
    async ({ line }) => {
      line.send({ type: "draining", retry_ms: 2 ** 31 })
      await line.taken()
      line.close(1012)
    },
  ],
  [
    "Retry-After",
    async ({ relay, line }) => {
      relay.status = () => 503
      relay.retryAfter = 1e300
      line.cut()
    },
  ],
  [
    "a rejected op",
    async ({ line, doc }) => {
      const op = doc.append("a")
      await line.expect("ops")
      line.reject(op, "rate_limited", { retry_ms: 2 ** 40 })
      await line.expectNothing(doc)
    },
  ],
] as [string, (scene: Scene) => Promise<void>][]) {
  test(`${what} asks for weeks: no timer is told more than it takes`, async (t) => {
    const delays: number[] = []
    const { setTimeout } = globalThis
    t.mock.method(globalThis, "setTimeout", (call: () => void, ms: number) => {
      if (ms > 2 ** 30) delays.push(ms)
      return setTimeout(call, ms)
    })
    await ask(await enter(t))
    await until("a long timer is set", () => delays.length > 0)
    assert.deepEqual(
      delays.filter((ms) => ms > 2 ** 31 - 1),
      [],
    )
  })
}

test("4401: back with a new token", async (t) => {
  let asked = 0
  const { relay, doc, line } = await enter(t, { connect: { token: () => `token-${++asked}` } })
  line.close(4401)
  const second = await relay.next()
  assert.equal(second.token, "token-2")
  await enterAgain(second)
  await becomes(doc, "live")
})

test("4401 to the only token there is: refused", async (t) => {
  const { relay, doc, line } = await enter(t, { connect: { token: "the-only-one" } })
  line.close(4401)
  assert.equal(await becomes(doc, "refused"), "unauthorized")
  assert.equal(relay.attempts.length, 1)
})

test("4401 to one token after the other: refused, after a few", async (t) => {
  let asked = 0
  const { relay, doc, line } = await begin(t, { connect: { token: () => `token-${++asked}` } })
  line.close(4401)
  for (let n = 2; n <= 4; n++) (await relay.next()).close(4401)
  assert.equal(await becomes(doc, "refused"), "unauthorized")
  assert.equal(relay.attempts.length, 4)
})

test("401 to a handshake is found out over HTTP, and a new token is asked for", async (t) => {
  const tokens = ["old", "good"]
  const token = () => tokens.shift() ?? "none"
  const status = (given?: string) => (given === "good" ? 200 : 401)
  const { relay, doc, line } = await begin(t, { connect: { token }, status })
  assert.equal(line.token, "good")
  assert.deepEqual(relay.asked, ["GET /v1/ws"])
  assert.equal(relay.attempts.length, 2)
  await enterAgain(line)
  await becomes(doc, "live")
})

for (const [token, status, code, why] of [
  [undefined, 401, "unauthorized", "the relay asks for a token"],
  ["bad", 401, "unauthorized", "the relay does not take this token"],
  ["good", 403, "closed", "the relay does not allow pages of this origin"],
] as const) {
  test(`${status} to a handshake ${token ? `with a ${token} token` : "without a token"}: refused, and why`, async (t) => {
    const relay = await startScript(t)
    relay.status = () => status
    const connection = connect(relay.url, { WebSocket, shared: false, ...(token && { token }) })
    t.after(() => connection.close())
    const doc = connection.join("notes")
    assert.equal(await becomes(doc, "refused"), code)
    assert.equal(doc.status.reason?.message, why)
  })
}

test("401 to the only token there is: refused", async (t) => {
  const { relay, doc, line } = await enter(t, { connect: { token: "the-only-one" } })
  relay.status = () => 401
  line.cut()
  assert.equal(await becomes(doc, "refused"), "unauthorized")
  assert.equal(relay.attempts.length, 2)
})

test("a token with characters that no subprotocol has goes into the query", async (t) => {
  const { line } = await begin(t, { connect: { token: "a/b=c &é" } })
  assert.equal(line.token, "a/b=c &é")
})

test("each failure doubles the bound of the wait, up to the highest", async (t) => {
  t.mock.method(Math, "random", () => 0.999) // the longest wait that jitter allows
  const { relay, line } = await enter(t, { connect: { minBackoff: 20, maxBackoff: 200 } })
  relay.status = () => 503
  line.cut()
  const bounds = [40, 80, 160, 200, 200, 200, 200]
  await until("it has tried often", () => relay.attempts.length > bounds.length + 1)
  for (const [i, bound] of bounds.entries()) {
    const wait = (relay.attempts[i + 2] ?? 0) - (relay.attempts[i + 1] ?? 0)
    assert.ok(wait >= bound * 0.99 - 2, `wait ${i} was of ${wait} ms, its bound is ${bound}`)
    assert.ok(wait < 2000, `wait ${i} was of ${wait} ms, beyond any bound`)
  }
})

test("the wait is a random part of its bound", async (t) => {
  const random = t.mock.method(Math, "random", () => 0.0001)
  const { relay, line } = await enter(t, { connect: { minBackoff: 3_000_000, maxBackoff: 3_000_000 } })
  random.mock.mockImplementation(() => 0.0001)
  line.cut()
  await relay.next() // within the deadline: after 300 ms, not after 50 min
  const wait = (relay.attempts[1] ?? 0) - (relay.attempts[0] ?? 0)
  assert.ok(wait >= 299, `it waited ${wait} ms`)
})

test("back, it says which session it was, how far it is without what is not acked, and sends the outbox", async (t) => {
  const { relay, doc, line } = await enter(t)
  line.ops(entry(1, "bob", 1), entry(2, "bob", 2))
  await until("the ops are there", () => doc.place.offset === 2)
  const [a] = three(doc)
  await line.expect("ops")
  line.ack(a, 4)
  await until("one is saved", () => doc.saved.pending === 2)
  line.cut()
  const second = await relay.next()
  second.welcome()
  const join = await second.expect("join")
  assert.deepEqual(join.since, { epoch: "e1", offset: 4, clock: { bob: 2, [a.actor]: 1 } })
  assert.equal(join.replaces, line.secret)
  second.joined(join, { head: 4, from: 4 })
  await second.expect("ops")
  assert.deepEqual(second.opTexts, line.opTexts.slice(1))
})

test("a connection that never was welcome is no session to replace", async (t) => {
  const { relay, line } = await enter(t)
  line.cut()
  const second = await relay.next()
  second.cut()
  const third = await relay.next()
  third.welcome()
  assert.equal((await third.expect("join")).replaces, line.secret)
})

test("ops that were made offline go out in their order, in as many frames as the limits ask for", async (t) => {
  const { doc, line } = await begin(t)
  for (let i = 0; i < 5; i++) doc.append(i)
  await enterAgain(line, {}, { ops_per_frame: 2, unacked_ops: 4 })
  const first = (await line.expect("ops")).ops
  const second = (await line.expect("ops")).ops
  await line.expectNothing(doc)
  line.ack(first[1] ?? assert.fail("the frame has two ops"))
  const third = (await line.expect("ops")).ops
  const payloads = [first, second, third].map((ops) => ops.map((op) => op.payload))
  assert.deepEqual(payloads, [[0, 1], [2, 3], [4]])
})

test("no frame is longer than the relay takes", async (t) => {
  const { doc, line } = await begin(t)
  for (let i = 0; i < 5; i++) doc.append("x".repeat(1500))
  await enterAgain(line, {}, { frame_bytes: 4096, op_bytes: 3072 })
  await until("all ops came", async () => {
    if (line.opTexts.length < 5) await line.expect("ops")
    return line.opTexts.length === 5
  })
  assert.ok(line.longest <= 4096, `the longest frame has ${line.longest} bytes`)
})

test("an op that is larger than the relay takes is refused before it has a name", async (t) => {
  const { doc, line } = await enter(t, { limits: { op_bytes: 100 } })
  const room = 100 - 2 - 2 // the clock {} and the quotes
  assert.equal(doc.append("x".repeat(room)).seq, 1)
  for (const payload of ["x".repeat(room + 1), "é".repeat(room / 2 + 1)])
    assert.throws(() => doc.append(payload), { name: "BatonError", code: "too_large" })
  assert.equal(doc.append("y").seq, 2)
  assert.equal(doc.saved.pending, 2)
  const { ops } = await line.expect("ops")
  assert.deepEqual(
    ops.map((op) => op.seq),
    [1, 2],
  )
})

test("an op made before the limits were known, larger than any frame, is refused and never sent", async (t) => {
  const { doc, line } = await begin(t)
  doc.append("x".repeat(5000))
  doc.append("small")
  await enterAgain(line, {}, { frame_bytes: 4096, op_bytes: 3072 })
  assert.equal(await becomes(doc, "refused"), "too_large")
  await line.expectNothing(doc)
  assert.equal(doc.saved.pending, 2)
  doc.recover()
  await line.expect("leave")
  line.joined(await line.expect("join"))
  const { ops } = await line.expect("ops")
  assert.deepEqual(
    ops.map((op) => op.payload),
    ["small"],
  )
})

test("a callback that has no token is asked again", async (t) => {
  let asked = 0
  const token = () => {
    if (++asked < 3) throw new Error("not now")
    return "good"
  }
  const { line } = await begin(t, { connect: { token } })
  assert.equal(line.token, "good")
})

test("a token that is about to end is replaced on the live connection, and used from then on", async (t) => {
  let asked = 0
  const { relay, line } = await enter(t, { connect: { token: () => `token-${++asked}` } })
  line.send({ type: "auth", expires_ms: 1000 })
  const auth = await line.expect("auth")
  assert.equal(auth.token, "token-2")
  line.send({ type: "auth", ...(auth.id !== undefined && { id: auth.id }), expires_ms: 3_600_000 })
  line.cut()
  assert.equal((await relay.next()).token, "token-2")
})

test("a connection that is closed while its token is asked for opens no socket", async (t) => {
  const relay = await startScript(t)
  let give: ((token: string) => void) | undefined
  const token = () =>
    new Promise<string>((resolve) => {
      give = resolve
    })
  const closed = connect(relay.url, { WebSocket, shared: false, token })
  await until("the token is asked for", () => give)
  closed.close()
  give?.("late")
  await turn() // now it would have opened one
  const other = connect(relay.url, { WebSocket, shared: false, token: "other" })
  t.after(() => other.close())
  assert.equal((await relay.next()).token, "other")
})
