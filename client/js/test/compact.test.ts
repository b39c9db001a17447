// Who writes alone stores states too: the relay asks for them, and a document stays quick to open.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import "@automerge/automerge" // which starts its WASM
import WebSocket from "ws"
import * as Y from "yjs"
import { firstChange, openAutomerge } from "../src/automerge/index.ts"
import { type Connection, connect, type Doc } from "../src/index.ts"
import { BatonProvider } from "../src/yjs/index.ts"
import { until } from "./harness/deadline.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

/** After how many ops behind the newest state the relay asks for one. */
const every = 2000
/** How many ops are on their way together. */
const burst = 50

interface Writer {
  document: Doc
  type(character: string): void
  text(): string
  close(): void
}

const options = { WebSocket, shared: false, minBackoff: 20 } as const
const first = firstChange<{ text: string[] }>((d) => {
  d.text = []
})

const formats: Record<string, (name: string) => Writer> = {
  automerge(name) {
    const binding = openAutomerge<{ text: string[] }>(relay.url, name, { ...options, first })
    return {
      document: binding.document,
      type: (character) => void binding.change((d) => d.text.push(character)),
      text: () => binding.doc.text.join(""),
      close: () => binding.close(),
    }
  },
  yjs(name) {
    const provider = new BatonProvider(relay.url, name, new Y.Doc(), options)
    const text = provider.doc.getText("text")
    return {
      document: provider.document,
      type: (character) => text.insert(text.length, character),
      text: () => text.toString(),
      close() {
        provider.destroy()
        provider.awareness.destroy()
      },
    }
  },
}

let relay: Relay
const connections: Connection[] = []

before(async () => {
  relay = await startRelay()
})

after(async () => {
  for (const connection of connections) connection.close()
  await relay.close()
})

/** Somebody who hears a document and never makes a state of it. */
async function listen(name: string): Promise<void> {
  const connection = connect(relay.url, options)
  connections.push(connection)
  const doc = connection.join(name)
  doc.ops.on(() => {})
  await until("the listener is live", () => doc.status.state === "live")
}

/** Types in a page of its own, which is closed when all is saved. */
async function page(format: string, name: string, typed: string): Promise<void> {
  const writer = formats[format]?.(name) as Writer
  try {
    await until("the page is live", () => writer.document.status.state === "live")
    for (let n = 0; n < typed.length; ) {
      for (const end = Math.min(n + burst, typed.length); n < end; n++) {
        writer.type(typed[n] as string)
        await null // one op each
      }
      await writer.document.saved.all()
    }
  } finally {
    writer.close()
  }
}

async function states(name: string): Promise<number[]> {
  const found: number[] = []
  const { head } = (await (await fetch(`${relay.url}/v1/docs/${name}`)).json()) as { head: number }
  for (let at = head; at > 0; at = (found.at(-1) ?? 0) - 1) {
    const meta = await fetch(`${relay.url}/v1/docs/${name}/snapshots/${at}/meta?nearest=true`)
    if (!meta.ok) break
    found.push(((await meta.json()) as { offset: number }).offset)
  }
  return found.reverse()
}

test("one who writes alone, over reloads, stores one state after the other", async () => {
  for (let n = 0; n < 4; n++) await page("yjs", "alone", "abcdefghij".repeat(110))
  const [one, two, ...more] = await until("states are stored", async () => {
    const all = await states("alone")
    return all.length > 1 && all
  })
  assert.ok(one && one >= every && one <= every + burst, `the first state is at ${one}`)
  assert.ok(two && two >= one + every && two <= one + every + burst, `the states are at ${one} and ${two}`)
  assert.deepEqual(more, [])
  const late = formats.yjs?.("alone") as Writer
  await until("who comes late has all", () => late.text() === "abcdefghij".repeat(440))
  late.close()
})

for (const format of Object.keys(formats)) {
  test(`one who writes among idle listeners, over a reload, stores a state: ${format}`, async () => {
    const name = `among-${format}`
    await listen(name)
    await page(format, name, "k".repeat(1100))
    await listen(name)
    await page(format, name, "l".repeat(1100))
    await until("a state is stored", async () => (await states(name)).length > 0)
    const late = formats[format]?.(name) as Writer
    await until("who comes late has all", () => late.text() === "k".repeat(1100) + "l".repeat(1100))
    late.close()
  })
}

test("one who only reads a long document stores a state", async () => {
  const post = async (from: number) => {
    const ops = Array.from({ length: 400 }, (_, n) => {
      const doc = new Y.Doc()
      doc.clientID = 1000 + from + n
      doc.getArray("a").push([n])
      const payload = Buffer.from(Y.encodeStateAsUpdate(doc)).toString("base64")
      return { actor: "importer", seq: from + n, payload }
    })
    const body = JSON.stringify(ops)
    const headers = { "Content-Type": "application/json" }
    const answer = await fetch(`${relay.url}/v1/docs/read/ops?format=yjs`, { method: "POST", headers, body })
    assert.equal(((await answer.json()) as { rejects: unknown[] }).rejects.length, 0)
  }
  for (let from = 1; from <= 2000; from += 400) await post(from)
  const reader = formats.yjs?.("read") as Writer
  await until("a state is stored", async () => (await states("read")).length > 0)
  reader.close()
})
