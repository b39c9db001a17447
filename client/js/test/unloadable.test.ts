// States that do not load: an older one or the ops take their place, and where there are none the document is refused.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, type TestContext, test } from "node:test"
import * as A from "@automerge/automerge"
import WebSocket from "ws"
import * as Y from "yjs"
import { type AutomergeBinding, openAutomerge } from "../src/automerge/index.ts"
import { type Doc, snapshots } from "../src/index.ts"
import { BatonProvider } from "../src/yjs/index.ts"
import { snapshotTool } from "./harness/binary.ts"
import { until } from "./harness/deadline.ts"
import { packageFolder } from "./harness/place.ts"
import { type Relay, startRelay } from "./harness/relay.ts"
import { becomes, begin, entry, name as scripted, store } from "./harness/script.ts"

/**
 * Automerge of 2023 makes, loads and saves it; Automerge of today loads it no more: a mark in it has no width. It is a
 * fixture of the automerge repository (MIT).
 */
const file = join(packageFolder, "test", "testdata", "zero-width-mark.automerge")

type Notes = { [name: string]: string }

let relay: Relay
before(async () => {
  relay = await startRelay()
})
after(() => relay.close())

const options = { WebSocket, shared: false, minBackoff: 20 } as const

interface Opened<T> {
  opened: T
  document: Doc
  states: string[]
}

function watch<T extends { document: Doc }>(opened: T): Opened<T> {
  const states: string[] = []
  opened.document.on("status", ({ state }) => states.push(state))
  return { opened, document: opened.document, states }
}

function automerge(t: TestContext, name: string): Opened<AutomergeBinding<Notes>> {
  const binding = openAutomerge<Notes>(relay.url, name, options)
  t.after(() => binding.close())
  return watch(binding)
}

function yjs(t: TestContext, name: string): Opened<BatonProvider> {
  const provider = new BatonProvider(relay.url, name, new Y.Doc(), options)
  t.after(() => {
    provider.destroy()
    provider.awareness.destroy()
  })
  return watch(provider)
}

async function info(name: string): Promise<{ head: number }> {
  return (await fetch(`${relay.url}/v1/docs/${name}`)).json()
}

async function put(name: string, format: string, blob: Uint8Array | string): Promise<number> {
  const { head } = await info(name)
  const headers = { "Content-Type": "application/octet-stream", "Baton-Format": format }
  const url = `${relay.url}/v1/docs/${name}/snapshots/${head}`
  const answer = await fetch(url, { method: "PUT", headers, body: blob as BodyInit })
  assert.equal(answer.status, 201)
  return head
}

async function prune(name: string, before: number): Promise<void> {
  const url = `${relay.url}/v1/docs/${name}/prune?before=${before}`
  assert.equal((await fetch(url, { method: "POST" })).status, 200)
}

test("a state that Automerge of today cannot load, the ops pruned: refused with the reason, and never live", async (t) => {
  await snapshotTool("import", file, "--as", "marks", "--url", relay.url)
  await prune("marks", (await put("marks", "automerge", readFileSync(file))) + 1)
  const { opened, document, states } = automerge(t, "marks")
  assert.equal(await becomes(document, "refused"), "snapshot")
  assert.match(document.status.reason?.message ?? "", /mark.*no longer held/)
  assert.ok(!states.includes("live"), `it was ${states}`)
  const { head } = await info("marks")
  opened.change((d) => {
    d.mine = "kept"
  })
  assert.equal(document.saved.pending, 1)
  opened.recover() // tries again
  assert.equal(document.status.state, "syncing")
  assert.equal(await becomes(document, "refused"), "snapshot")
  assert.deepEqual([opened.doc.mine, document.saved.pending], ["kept", 1])
  assert.equal((await info("marks")).head, head)
  assert.ok(!states.includes("live"), `it was ${states}`)
})

test("a state with numbers that JavaScript cannot hold loads, and is written on", async (t) => {
  const exemplar = join(packageFolder, "test", "testdata", "exemplar.automerge") // of the automerge repository, too
  await snapshotTool("import", exemplar, "--as", "exemplar", "--url", relay.url)
  await prune("exemplar", (await put("exemplar", "automerge", readFileSync(exemplar))) + 1)
  const ann = automerge(t, "exemplar")
  assert.equal(await becomes(ann.document, "live"), undefined)
  ann.opened.change((d) => {
    d.ann = "was here"
  })
  await ann.document.saved.all()
  assert.ok(await ann.opened.compact())
  const bob = automerge(t, "exemplar")
  await until("he has it all", () => bob.opened.doc.ann === "was here")
  assert.deepEqual(A.toJS(bob.opened.doc), A.toJS(ann.opened.doc))
})

for (const [what, blob] of [
  ["of no bytes", ""],
  ["that is none", "no document at all"],
] as const) {
  test(`a state ${what}, the ops pruned: refused, until somebody who has it all stores another`, async (t) => {
    const name = `broken-${blob.length}`
    const ann = automerge(t, name)
    ann.opened.change((d) => {
      d.ann = "whole"
    })
    await ann.document.saved.all()
    await prune(name, (await put(name, "automerge", blob)) + 1)
    const bob = automerge(t, name)
    assert.equal(await becomes(bob.document, "refused"), "snapshot")
    bob.opened.change((d) => {
      d.bob = "kept"
    })
    ann.document.connection.pause()
    ann.document.connection.resume()
    await until("she is live again", () => ann.document.status.state === "live")
    ann.opened.change((d) => {
      d.ann = "written on"
    })
    await ann.document.saved.all()
    assert.ok(await ann.opened.compact())
    bob.opened.recover()
    await until("he is live", () => bob.document.status.state === "live")
    await bob.document.saved.all()
    await until("she has what he kept", () => ann.opened.doc.bob === "kept")
    assert.equal(bob.opened.doc.ann, "written on")
  })
}

test("a state that does not load, with an older one and the ops behind that: all is there", async (t) => {
  const ann = automerge(t, "older")
  const write = async (text: string) => {
    ann.opened.change((d) => {
      d[text] = text
    })
    await ann.document.saved.all()
  }
  await write("one")
  await write("two")
  assert.ok(await ann.opened.compact())
  const { head } = await info("older")
  await write("three")
  await put("older", "automerge", "no document at all")
  await write("four")
  await prune("older", head + 1)
  const bob = automerge(t, "older")
  const problems: string[] = []
  bob.document.on("problem", ({ code }) => problems.push(code))
  await until("he has it all", () => bob.document.status.state === "live" && bob.opened.doc.four)
  assert.deepEqual({ ...bob.opened.doc }, { one: "one", two: "two", three: "three", four: "four" })
  assert.deepEqual(problems, ["snapshot"])
})

test("a state that Yjs cannot read, the ops pruned: refused with the reason, and what is typed is kept", async (t) => {
  const ann = yjs(t, "text")
  ann.opened.doc.getText("t").insert(0, "whole")
  await null // it is made an op
  await ann.document.saved.all()
  const half = Y.encodeStateAsUpdate(ann.opened.doc).slice(0, -1) // its text can be read, and then it ends
  await prune("text", (await put("text", "yjs", half)) + 1)
  const bob = yjs(t, "text")
  assert.equal(await becomes(bob.document, "refused"), "snapshot")
  assert.ok(!bob.states.includes("live"), `it was ${bob.states}`)
  assert.equal(bob.opened.synced, false)
  assert.equal(bob.opened.doc.getText("t").toString(), "")
  bob.opened.doc.getText("t").insert(0, "kept ")
  await until("it waits", () => bob.document.saved.pending === 1)
  ann.opened.doc.getText("t").insert(5, ", and on")
  await null // it is made an op
  await ann.document.saved.all()
  assert.ok(await ann.opened.compact())
  bob.opened.recover()
  await until("he is live", () => bob.document.status.state === "live")
  await bob.document.saved.all()
  await until("both have both", () => {
    const [a, b] = [ann, bob].map(({ opened }) => opened.doc.getText("t").toString())
    return a === b && a?.includes("kept") && a.includes("whole, and on")
  })
})

test("what a Y.Doc has and the relay refused is in no state", async (t) => {
  const { opened, document } = yjs(t, "refused")
  await until("it is live", () => document.status.state === "live")
  opened.doc.getMap("m").set("small", 1)
  await null // it is made an op
  await document.saved.all()
  opened.doc.getMap("m").set("large", "x".repeat(1 << 20)) // one value, which cannot be cut
  await until("it is refused", () => document.status.reason?.code === "too_large")
  assert.equal(await opened.compact(), false)
})

test("a state that cannot be fetched, the ops pruned: it is fetched again, and the reason is shown meanwhile", async (t) => {
  const given: string[] = []
  const { relay, doc, line, ops } = await begin(t, {
    join: { snapshots: snapshots((blob) => void given.push(String(Buffer.from(blob)))) },
  })
  const missing = { offset: 2, url: `/v1/docs/${scripted}/snapshots/2`, bytes: 7, sha256: "0".repeat(64) }
  line.welcome()
  line.joined(await line.expect("join"), { head: 3, first: 3, from: 2, clock: { bob: 3 }, snapshot: missing })
  await line.expect("leave")
  const without = await line.expect("join")
  assert.equal(without.snapshot, false)
  line.joined(without, { head: 3, first: 3, from: 2, clock: { bob: 3 } })
  line.ops(entry(3, "bob", 3))
  line.live(3)
  await line.expect("leave")
  assert.equal(doc.status.state, "syncing")
  assert.equal(doc.status.reason?.code, "snapshot")
  const again = await line.expect("join")
  assert.notEqual(again.snapshot, false)
  line.joined(again, { head: 3, first: 3, from: 2, clock: { bob: 3 }, snapshot: store(relay, 2) })
  line.ops(entry(3, "bob", 3))
  line.live(3)
  assert.equal(await becomes(doc, "live"), undefined)
  assert.deepEqual([given, ops], [["state 2"], ["bob:3"]])
})
