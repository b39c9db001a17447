import assert from "node:assert/strict"
import { test } from "node:test"
import * as A from "@automerge/automerge/slim"
import type { BinaryFileData } from "@excalidraw/excalidraw/types"
import { Files, readFile } from "../src/binding/files.ts"
import { dataURLOf, pictureMost, pictureOf } from "../src/binding/picture.ts"
import type { Board } from "../src/binding/schema.ts"
import { Net, type Replica } from "./harness/replicas.ts"

const png = "iVBORw0KGgo="
const svg = "<svg xmlns='http://www.w3.org/2000/svg'><text>100% é</text></svg>"

test("whatever form a data: URL has, it becomes the one that every page reads", () => {
  const base64 = (type: string, text: string) => `data:${type};base64,${btoa(text)}`
  const bytes = String.fromCharCode(...new TextEncoder().encode(svg))
  for (const [url, named, want] of [
    [`data:image/png;base64,${png}`, "image/png", `data:image/png;base64,${png}`],
    [`data:image/jpg;base64,${png}`, "image/jpg", `data:image/jpeg;base64,${png}`],
    [`DATA:IMAGE/PNG;BASE64,${png}`, undefined, `data:image/png;base64,${png}`],
    [`data:image/svg+xml;charset=utf-8;base64,${btoa(bytes)}`, undefined, base64("image/svg+xml", bytes)],
    [`data:image/svg+xml;utf8,${svg}`, undefined, base64("image/svg+xml", bytes)],
    [`data:image/svg+xml,${encodeURIComponent(svg)}`, undefined, base64("image/svg+xml", bytes)],
    [`data:image/png;base64,${encodeURIComponent(png)}`, undefined, `data:image/png;base64,${png}`],
    [`data:application/octet-stream;base64,${png}`, "image/png", `data:image/png;base64,${png}`],
    [`data:;base64,${png}`, "image/gif", `data:image/gif;base64,${png}`],
    [`data:image/vnd.microsoft.icon;base64,${png}`, undefined, `data:image/x-icon;base64,${png}`],
  ] as const) {
    assert.equal(dataURLOf(pictureOf(url, named)), want, url)
  }
})

test("what a board takes as no picture is refused with a reason", () => {
  const refused = (url: unknown, named?: unknown) => {
    let why = ""
    assert.throws(
      () => pictureOf(url, named),
      (error: Error) => {
        why = error.message
        return true
      },
      String(url).slice(0, 80),
    )
    return why
  }
  for (const none of [undefined, null, 5, {}, "", "https://example.com/a.png", "data:image/png;base64,"]) {
    assert.equal(refused(none, "image/png"), "it has no data")
  }
  assert.equal(refused("data:image/png;base64,!", "image/png"), "its data is damaged")
  assert.match(refused(`data:text/html;base64,${png}`, "text/html"), /^text\/html is no type of picture/)
  const more = "AAAA".repeat(Math.ceil(pictureMost / 3) + 1)
  assert.equal(refused(`data:image/png;base64,${more}`), "it is larger than 16 MB")
  assert.equal(refused(`data:image/png,${"%00".repeat(pictureMost + 1)}`), "it is larger than 16 MB")
})

/** A board with files on it as an Excalidraw has them. */
function filesOf(board: Replica, have: Record<string, Partial<BinaryFileData>>) {
  const added: BinaryFileData[] = []
  const shelf = {
    has: (id: string) => Object.hasOwn(have, id),
    get: (id: string) => (Object.hasOwn(have, id) ? (have[id] as BinaryFileData) : undefined),
    add: (files: BinaryFileData[]) => void added.push(...files),
  }
  return { files: new Files(board as unknown as ConstructorParameters<typeof Files>[0], shelf), added }
}

test("what the document gets of a picture is what a page makes of it; what it does not get is said once", () => {
  const net = new Net()
  const board = net.join()
  const dataURL = `data:image/jpg;base64,${png}` as BinaryFileData["dataURL"]
  const { files } = filesOf(board, { good: { dataURL }, bad: {}, constructor: { dataURL } })
  const refused = files.write(["good", "bad", "absent", "constructor"])
  assert.deepEqual([...refused], [["bad", "it has no data"]])
  assert.deepEqual([...files.write(["good", "bad"])], [])
  assert.equal(readFile(board.doc.files, "good")?.dataURL, `data:image/jpeg;base64,${png}`)
  assert.equal(readFile(board.doc.files, "constructor")?.mimeType, "image/jpeg")
})

test("a board whose files somebody took away or made something else of takes pictures", () => {
  for (const odd of [undefined, 5, [1], new A.ImmutableString("x")]) {
    const net = new Net()
    const [mallory, board] = [net.join(), net.join()]
    mallory.change((d) => {
      const root = d as unknown as Record<string, unknown>
      if (odd === undefined) delete root.files
      else root.files = odd
    })
    board.receive()
    const dataURL = `data:image/png;base64,${png}` as BinaryFileData["dataURL"]
    const { files } = filesOf(board, { one: { dataURL } })
    assert.deepEqual([...files.write(["one"])], [])
    assert.equal(readFile(board.doc.files as Board["files"], "one")?.mimeType, "image/png")
  }
})

test("a picture of several slices is read as it was written, and given to an editor once it is whole", () => {
  const net = new Net()
  const [ann, bob] = [net.join(), net.join()]
  const bytes = Uint8Array.from({ length: 600_000 }, (_, i) => (i * 7919) >> 3)
  const dataURL = dataURLOf({ type: "image/png", bytes }) as BinaryFileData["dataURL"]
  const { added } = filesOf(bob, {})
  assert.deepEqual([...filesOf(ann, { large: { dataURL } }).files.write(["large"])], [])
  assert.equal(net.log.length, 4, "what it is, and three slices")
  for (const sent of net.log) {
    assert.equal(added.length, 0)
    bob.receive((one) => one === sent)
  }
  assert.deepEqual(
    added.map((file) => file.dataURL === dataURL),
    [true],
  )
})
