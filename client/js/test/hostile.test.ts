import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"
import * as A from "@automerge/automerge"
import WebSocket from "ws"
import { openAutomerge } from "../src/automerge/index.ts"
import { until } from "./harness/deadline.ts"
import { startRelay } from "./harness/relay.ts"
import { randomFrom } from "./harness/seed.ts"

interface Note {
  text: string
  more?: string
}

/** Gives a damaged change the checksum of what it is now, as somebody would who means harm. */
function sealed(change: Uint8Array): Uint8Array {
  const body = change.subarray(9) // the length, as it stands, and what it counts
  const sum = createHash("sha256").update(Uint8Array.of(1)).update(body).digest()
  const out = change.slice()
  out.set(sum.subarray(0, 4), 4)
  return out
}

/** Finds a change of `actor` that is in order by its head, and that Automerge fails on. */
function failing(doc: A.Doc<Note>, actor: string): Uint8Array {
  const next = A.change(A.clone(doc, { actor }), (d) => {
    A.splice(d, ["text"], 2, 1, "some more text")
    d.more = "and a field"
  })
  const change = A.getLastLocalChange(next)
  assert.ok(change)
  const random = randomFrom(1)
  for (let n = 0; n < 5000; n++) {
    const bad = change.slice()
    const at = Math.floor(bad.length / 2) + random.below(bad.length / 2)
    bad[at] = random.below(256)
    try {
      A.applyChanges(A.clone(doc), [sealed(bad)])
    } catch {
      return sealed(bad)
    }
  }
  throw new Error("no damage makes Automerge fail")
}

test("an op that Automerge fails on is set aside, and the rest of the document goes on", async (t) => {
  const relay = await startRelay()
  t.after(() => relay.close())
  const open = () => {
    const binding = openAutomerge<Note>(relay.url, "hostile", { WebSocket, shared: false, minBackoff: 20 })
    t.after(() => binding.close())
    return binding
  }
  const a = open()
  a.change((d) => {
    d.text = "a text"
  })
  const b = open()
  await until("b has it", () => b.doc.text === "a text")
  const problems: string[] = []
  b.document.on("problem", ({ message }) => problems.push(message))

  const actor = "cc"
  const payload = Buffer.from(failing(a.doc, actor)).toString("base64")
  const answer = await fetch(`${relay.url}/v1/docs/hostile/ops?format=automerge`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify([{ actor, seq: 1, payload }]),
  })
  assert.ok(answer.ok, await answer.text())
  await until("b says which op it is", () => problems.some((p) => p.startsWith("op cc:1:")))
  await until("b is whole again", () => b.doc.text === "a text")
  a.change((d) => {
    d.more = "a goes on"
  })
  await until("b goes on", () => b.doc.more === "a goes on")
  b.change((d) => {
    d.more = "and so does b"
  })
  await until("a has it", () => a.doc.more === "and so does b")
  const late = open()
  await until("a late one has it", () => late.doc.more === "and so does b")
})
