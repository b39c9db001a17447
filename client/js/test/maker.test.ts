import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import "@automerge/automerge" // brings the library that the binding uses
import WebSocket from "ws"
import * as Y from "yjs"
import { openAutomerge } from "../src/automerge/index.ts"
import { maker } from "../src/automerge/maker.ts"
import type { SnapshotMeta } from "../src/index.ts"
import { BatonProvider } from "../src/yjs/index.ts"
import { until } from "./harness/deadline.ts"
import { packageFolder } from "./harness/place.ts"
import { startRelay } from "./harness/relay.ts"

const manifest = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))

async function start(t: TestContext) {
  const relay = await startRelay()
  t.after(() => relay.close())
  const meta = async (name: string): Promise<SnapshotMeta> =>
    (await fetch(`${relay.url}/v1/docs/${name}/snapshots/latest/meta`)).json()
  return { url: relay.url, meta }
}

test("the maker of Automerge snapshots is the least version that the package takes, and no other was built of its commit", () => {
  // If this fails after an update of Automerge: maker.ts has the commit of the least version, which releaseInfo() says.
  const [, least] = /^\^(.*)$/.exec(manifest.peerDependencies["@automerge/automerge"]) ?? []
  assert.equal(maker().split("+")[0], `automerge ${least}`)
  assert.equal(maker().includes("+"), manifest.devDependencies["@automerge/automerge"] !== least, maker())
})

test("a snapshot of an Automerge document says what made it", async (t) => {
  const relay = await start(t)
  const board = openAutomerge<{ n: number }>(relay.url, "board", { WebSocket, shared: false })
  t.after(() => board.close())
  board.change((d) => {
    d.n = 1
  })
  await until("it is stored", () => board.compact())
  assert.equal((await relay.meta("board")).maker, maker())
})

test("a snapshot of a Yjs document says what made it", async (t) => {
  const relay = await start(t)
  const provider = new BatonProvider(relay.url, "text", new Y.Doc(), { WebSocket, shared: false })
  t.after(() => provider.destroy())
  provider.doc.getText("text").insert(0, "hello")
  await until("it is stored", () => provider.compact())
  const [, major, minor] = /^\^(\d+)\.(\d+)\./.exec(manifest.peerDependencies.yjs) ?? []
  assert.equal((await relay.meta("text")).maker, `yjs ${major}.${minor}`)
})
