// Joins an Automerge document late, as a browser would: by its snapshot where the relay offers one, or by ops
// (--ops). Prints what that took, and what the document is, as one line of JSON:
//   {"by","bytes","received_s","seconds","ops","heads","sha256"}     sha256 of the content as JSON, keys in order
//
//   node join.mjs --url http://localhost:8080 --doc D [--ops]
import { createHash } from "node:crypto"
import { parseArgs } from "node:util"
import * as Automerge from "@automerge/automerge"
import WebSocket from "ws"

const { values: arg } = parseArgs({
  options: { url: { type: "string" }, doc: { type: "string" }, ops: { type: "boolean", default: false } },
})
const started = performance.now()
const seconds = () => Math.round(performance.now() - started) / 1000

const ws = new WebSocket(`${arg.url.replace(/^http/, "ws")}/v1/ws`, "baton.v1")
let bytes = 0
let blob
const changes = []

ws.on("open", () =>
  ws.send(JSON.stringify({ type: "join", doc: arg.doc, channels: ["ops"], snapshot: !arg.ops })),
)
ws.on("message", async (data) => {
  bytes += data.length
  const frame = JSON.parse(data)
  if (frame.type === "error") throw new Error(JSON.stringify(frame))
  if (frame.type === "joined" && frame.snapshot) {
    blob = fetch(arg.url + frame.snapshot.url).then((answer) => answer.arrayBuffer())
  }
  if (frame.type === "ops") for (const op of frame.ops) changes.push(Uint8Array.from(Buffer.from(op.payload, "base64")))
  if (frame.type !== "live") return
  const base = blob && new Uint8Array(await blob)
  bytes += base?.length ?? 0
  const received = seconds()
  let doc = base ? Automerge.load(base) : Automerge.init()
  if (changes.length > 0) [doc] = Automerge.applyChanges(doc, changes)
  const took = seconds()
  const text = JSON.stringify(doc, (_, v) => {
    if (Automerge.isImmutableString(v)) return v.toString()
    if (v === null || typeof v !== "object" || Array.isArray(v)) return v
    return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
  const sha256 = createHash("sha256").update(text).digest("hex")
  const by = base ? "snapshot" : "ops"
  const heads = Automerge.getHeads(doc).sort()
  console.log(JSON.stringify({ by, bytes, received_s: received, seconds: took, ops: changes.length, heads, sha256 }))
  ws.close()
})
