import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import * as A from "@automerge/automerge"
import WebSocket from "ws"
import { type AutomergeBinding, firstChange, openAutomerge } from "../src/automerge/index.ts"
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
