import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import * as A from "@automerge/automerge"
import { type DocHandle, Repo } from "@automerge/automerge-repo"
import WebSocket from "ws"
import { type AutomergeBinding, bindAutomerge } from "../src/automerge/index.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

interface Note {
  text: string
}

let relay: Relay
const open: AutomergeBinding<Note>[] = []

before(async () => {
  relay = await startRelay()
})
after(async () => {
  for (const b of open) b.close()
  await relay.close()
})

function bind(name: string, handle: DocHandle<Note>): AutomergeBinding<Note> {
  const binding = bindAutomerge<Note>(relay.url, name, handle, { WebSocket, shared: false, minBackoff: 20 })
  open.push(binding)
  return binding
}

const sameHeads = (a: DocHandle<Note>, b: DocHandle<Note>) =>
  A.getHeads(a.doc()).sort().join() === A.getHeads(b.doc()).sort().join()

test("handles of two repos are the same document, changed through either", async () => {
  const one = new Repo().create<Note>({ text: "hello" })
  const two = new Repo().import<Note>(A.save(one.doc()))
  await two.whenReady()
  const a = bind("handles", one)
  const b = bind("handles", two)
  await until("both are live", () => [a, b].every((x) => x.document.status.state === "live"))
  let changes = 0
  two.on("change", () => changes++)
  one.change((d) => A.splice(d, ["text"], 5, 0, " world"))
  await until("two has it", () => two.doc().text === "hello world")
  assert.equal(changes, 1)
  two.change((d) => A.splice(d, ["text"], 0, 5, "goodbye"))
  await until("one has it", () => one.doc().text === "goodbye world")
  assert.ok(sameHeads(one, two))
})

test("what a handle had before, and what it got elsewhere, is sent once", async () => {
  const one = new Repo().create<Note>({ text: "before" })
  const other = A.change(A.clone(one.doc()), (d) => A.splice(d, ["text"], 6, 0, " and elsewhere"))
  const a = bind("history", one)
  await until("it is live", () => a.document.status.state === "live")
  one.update((doc) => A.merge(doc, other))
  await a.document.saved.all()
  const info = await fetch(`${relay.url}/v1/docs/history`)
  const { head } = (await info.json()) as { head: number }
  assert.equal(head, A.getAllChanges(one.doc()).length)
  const two = new Repo().import<Note>(A.save(one.doc()))
  await two.whenReady()
  const b = bind("history", two)
  await until("it is live", () => b.document.status.state === "live")
  await b.document.saved.all()
  const again = await fetch(`${relay.url}/v1/docs/history`)
  assert.equal(((await again.json()) as { head: number }).head, head)
})

test("a handle's change that is refused is kept until recover(), which makes the rest again", async () => {
  const one = new Repo().create<Note>({ text: "hello" })
  const a = bind("refused", one)
  await until("it is live", () => a.document.status.state === "live")
  const large = 600_000
  one.change((d) => A.splice(d, ["text"], 0, 0, "x".repeat(large)))
  await until("it is refused", () => a.document.status.state === "refused")
  assert.equal(a.document.status.reason?.code, "too_large")
  one.change((d) => A.splice(d, ["text"], d.text.length, 0, " world"))
  assert.equal(one.doc().text.length, large + 11)
  a.recover()
  await until("it is live again", () => a.document.status.state === "live")
  await until("the change is gone", () => one.doc().text.length < 100)
  await a.document.saved.all()
  one.change((d) => A.splice(d, ["text"], 0, 0, "> "))
  await a.document.saved.all()
  const two = new Repo().import<Note>(A.save(A.init<Note>()))
  await two.whenReady()
  const b = bind("refused", two)
  await until("b has it", () => two.doc().text === one.doc().text)
  assert.equal(one.doc().text, "> hello world")
  assert.ok(sameHeads(one, two))
  assert.equal(b.document.status.state, "live")
})
