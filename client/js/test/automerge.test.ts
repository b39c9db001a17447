import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import * as A from "@automerge/automerge"
import WebSocket from "ws"
import { PlainHandle } from "../src/automerge/handle.ts"
import { type AutomergeBinding, bindAutomerge, firstChange, openAutomerge } from "../src/automerge/index.ts"
import { connect } from "../src/connection.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

interface Board {
  title: string
  shapes: { [id: string]: { x: number; y: number } }
}

let relay: Relay
const open: AutomergeBinding<Board>[] = []

const first = firstChange<Board>((d) => {
  d.title = ""
  d.shapes = {}
})

function board(name: string, url = relay.url): AutomergeBinding<Board> {
  const b = openAutomerge<Board>(url, name, { WebSocket, shared: false, minBackoff: 20, first })
  open.push(b)
  return b
}

before(async () => {
  relay = await startRelay()
})
after(async () => {
  for (const b of open) b.close()
  await relay.close()
})

const same = (a: AutomergeBinding<Board>, b: AutomergeBinding<Board>) =>
  A.getHeads(a.doc).sort().join() === A.getHeads(b.doc).sort().join()

test("two people who open an empty board at once see both of their shapes", async () => {
  const a = board("both")
  const b = board("both")
  a.change((d) => {
    d.shapes.one = { x: 1, y: 2 }
  })
  b.change((d) => {
    d.shapes.two = { x: 3, y: 4 }
  })
  await Promise.all([a.document.saved.all(), b.document.saved.all()])
  await until("they are the same", () => same(a, b))
  assert.deepEqual(A.toJS(a.doc).shapes, { one: { x: 1, y: 2 }, two: { x: 3, y: 4 } })
})

test("a change that is too large is taken back, and the next is of the same actor", async () => {
  const a = board("large")
  a.change((d) => {
    d.title = "small"
  })
  const heads = A.getHeads(a.doc)
  await until("it is live", () => a.document.status.state === "live")
  const tooMuch = () =>
    a.change((d) => {
      d.title = "x".repeat(1 << 20)
    })
  assert.throws(tooMuch, { code: "too_large" })
  assert.deepEqual(A.getHeads(a.doc), heads)
  a.change((d) => {
    d.title = "still small"
  })
  await a.document.saved.all()
  const b = board("large")
  await until("b has it", () => b.doc.title === "still small")
  assert.ok(same(a, b))
})

test("changes of others come together, with patches", async () => {
  const a = board("patches")
  const b = board("patches")
  await until("they are live", () => [a, b].every((x) => x.document.status.state === "live"))
  const seen: { patches: A.Patch[]; source: string }[] = []
  b.on("change", ({ patches, source }) => seen.push({ patches, source }))
  for (let n = 0; n < 300; n++) {
    a.change((d) => {
      d.shapes[`s${n}`] = { x: n, y: n }
    })
  }
  await until("b has all", () => Object.keys(b.doc.shapes).length === 300)
  assert.ok(seen.length < 60, `they came in ${seen.length} parts`)
  assert.ok(seen.every(({ source }) => source === "remote"))
  assert.equal(seen.flatMap(({ patches }) => patches).filter((p) => p.path.length === 2).length, 300)
})

test("changes at old heads are chained, and arrive", async () => {
  const a = board("at")
  a.change((d) => {
    d.title = "one"
  })
  const heads = A.getHeads(a.doc)
  a.change((d) => {
    d.shapes.one = { x: 1, y: 1 }
  })
  const next = a.changeAt(heads, (d) => {
    A.splice(d, ["title"], 3, 0, " two")
  })
  a.changeAt(next, (d) => {
    A.splice(d, ["title"], 7, 0, " three")
  })
  await a.document.saved.all()
  const b = board("at")
  await until("b has it", () => same(a, b))
  assert.equal(b.doc.title, "one two three")
  assert.deepEqual(Object.keys(b.doc.shapes), ["one"])
})

function changeOf(doc: A.Doc<Board>, make: A.ChangeFn<Board>): Uint8Array {
  const change = A.getLastLocalChange(A.change(doc, make))
  assert.ok(change)
  return change
}

/** What somebody sends who does not keep to the format. */
async function post(doc: string, ops: { actor: string; seq: number; payload: unknown }[]): Promise<void> {
  const answer = await fetch(`${relay.url}/v1/docs/${doc}/ops?format=automerge`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(ops),
  })
  assert.equal(answer.status, 200, await answer.text())
}

test("an op whose payload is no change, a damaged one, or another's is left out, and said", async () => {
  const good = changeOf(A.init<Board>({ actor: "ab" }), (d) => {
    d.title = "good"
  })
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")
  const damaged = good.slice()
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
  await post("bad", [
    { actor: "aa", seq: 1, payload: 7 },
    { actor: "ac", seq: 1, payload: base64(damaged) },
    { actor: "ad", seq: 1, payload: base64(good) },
    { actor: "ae", seq: 1, payload: base64(A.save(A.from({ title: "a document" }))) },
  ])
  const a = board("bad")
  const problems: string[] = []
  a.document.on("problem", ({ message }) => problems.push(message))
  a.change((d) => {
    d.title = "fine"
  })
  await a.document.saved.all()
  await until("each was said", () => problems.length === 4)
  assert.deepEqual(
    problems.map((p) => p.slice(0, 8)),
    ["op aa:1:", "op ac:1:", "op ad:1:", "op ae:1:"],
  )
  assert.equal(a.doc.title, "fine")
})

test("what is refused for good is kept, and made again by another actor", async () => {
  const a = board("refused")
  const b = board("refused")
  a.change((d) => {
    d.title = "agreed"
  })
  await until("b has it", () => same(a, b))
  // Somebody else writes as a's actor, which nobody may.
  const actor = A.getActorId(a.doc)
  const stolen = A.clone(b.doc, { actor })
  const change = changeOf(stolen, (d) => {
    d.shapes.stolen = { x: 0, y: 0 }
  })
  a.document.connection.pause()
  a.change((d) => {
    d.title = "mine"
  })
  a.change((d) => {
    d.shapes.mine = { x: 1, y: 1 }
  })
  await post("refused", [{ actor, seq: 2, payload: Buffer.from(change).toString("base64") }])
  await until("b has it", () => b.doc.shapes.stolen !== undefined)
  a.document.connection.resume()
  await until("it is refused", () => a.document.status.state === "refused")
  assert.equal(a.document.status.reason?.code, "conflict")
  assert.equal(a.doc.title, "mine")
  a.change((d) => {
    d.shapes.meanwhile = { x: 2, y: 2 }
  })
  a.recover()
  assert.equal(a.doc.title, "mine")
  await until("it is live", () => a.document.status.state === "live")
  await a.document.saved.all()
  await until("they are the same", () => same(a, b))
  assert.deepEqual(Object.keys(b.doc.shapes).sort(), ["meanwhile", "mine", "stolen"])
  assert.equal(b.doc.title, "mine")
  assert.notEqual(A.getActorId(a.doc), actor)
})

test("a deleted document is refused, and recovered with all that was in it", async () => {
  const a = board("deleted")
  a.change((d) => {
    d.title = "here"
  })
  await a.document.saved.all()
  await fetch(`${relay.url}/v1/docs/deleted`, { method: "DELETE" })
  await until("it is refused", () => a.document.status.state === "refused")
  assert.equal(a.document.status.reason?.code, "deleted")
  a.recover()
  await until("it is live", () => a.document.status.state === "live")
  await a.document.saved.all()
  const b = board("deleted")
  await until("b has it", () => b.doc.title === "here")
})

test("a stored state is made, and loaded by who comes late", async () => {
  const a = board("state")
  for (let n = 0; n < 50; n++) {
    a.change((d) => {
      d.shapes[`s${n}`] = { x: n, y: n }
    })
  }
  await a.document.saved.all()
  assert.ok(await a.compact())
  const answer = await fetch(`${relay.url}/v1/docs/state`)
  const { head, snapshot } = (await answer.json()) as { head: number; snapshot: { offset: number } }
  assert.equal(snapshot.offset, head)
  const b = board("state")
  await until("b has it", () => same(a, b))
  b.change((d) => {
    d.title = "on top"
  })
  await until("a has it", () => a.doc.title === "on top")
})

test("a stored state that does not load is not used, and said", async () => {
  const a = board("broken")
  a.change((d) => {
    d.title = "whole"
  })
  await a.document.saved.all()
  const put = await fetch(`${relay.url}/v1/docs/broken/snapshots/1`, {
    method: "PUT",
    headers: { "Content-Type": "application/octet-stream", "Baton-Format": "automerge" },
    body: "no document at all",
  })
  assert.ok(put.ok)
  const b = board("broken")
  const problems: string[] = []
  b.document.on("problem", ({ code }) => problems.push(code))
  await until("b has it", () => b.doc.title === "whole")
  assert.deepEqual(problems, ["snapshot"])
})

test("who opens a document that the page has opened gets the same binding, until all have closed it", async () => {
  const connection = connect(relay.url, { WebSocket, shared: false, minBackoff: 20 })
  const one = openAutomerge<Board>(connection, "twice", { first })
  const two = openAutomerge<Board>(connection, "twice", { first })
  assert.equal(two, one)
  two.change((d) => {
    d.title = "ours"
  })
  await one.document.saved.all()
  two.close()
  const other = board("twice")
  await until("the other has it", () => other.doc.title === "ours")
  other.change((d) => {
    d.title = "theirs"
  })
  await until("it is still there", () => one.doc.title === "theirs")
  one.close()
  const anew = openAutomerge<Board>(connection, "twice", { first })
  assert.notEqual(anew, one)
  await until("it opens again", () => anew.doc.title === "theirs")
  anew.close()
  connection.close()
})

test("a document whose ops somebody else reads is not bound: some would be lacking", () => {
  const connection = connect(relay.url, { WebSocket, shared: false, minBackoff: 20 })
  connection.join("read")
  assert.throws(() => openAutomerge<Board>(connection, "read", { first }), { code: "already_joined" })
  openAutomerge<Board>(connection, "held", { first })
  const handle = new PlainHandle(A.init<Board>())
  assert.throws(() => bindAutomerge<Board>(connection, "held", handle), { code: "already_joined" })
  connection.close()
})
