import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import * as Y from "yjs"
import { type Edit, edits } from "../src/text/diff.ts"

function applied(was: string, found: Edit[]): string {
  let text = was
  for (const { from, to, insert } of found.toReversed()) text = text.slice(0, from) + insert + text.slice(to)
  return text
}

const line = fc.constantFrom(
  "a\n",
  "b\n",
  "\n",
  "same line\n",
  "other line\n",
  "ä\r\n",
  "😀\n",
  "😁 😀\n",
  "end",
)
const text = fc.array(line, { maxLength: 40 }).map((lines) => lines.join(""))

test("the edits make the one text of the other, in a Y.Text too", () => {
  fc.assert(
    fc.property(text, text, (was, now) => {
      const found = edits(was, now)
      assert.equal(applied(was, found), now)
      const doc = new Y.Doc().getText()
      doc.insert(0, was)
      for (const { from, to, insert } of found.toReversed()) {
        doc.delete(from, to - from)
        doc.insert(from, insert)
      }
      assert.equal(doc.toString(), now)
    }),
    { numRuns: 500 },
  )
})

test("the edits are in order and apart", () => {
  fc.assert(
    fc.property(text, text, (was, now) => {
      let end = -1
      for (const { from, to, insert } of edits(was, now)) {
        assert.ok(from > end && to >= from && (to > from || insert !== ""))
        end = to
      }
    }),
  )
})

test("the same text needs no edit", () => {
  assert.deepEqual(edits("a\nb", "a\nb"), [])
})

test("what is between two changes stays", () => {
  const was = "first\nkept\nkept too\nlast\n"
  assert.deepEqual(edits(was, "First\nkept\nkept too\nlast one\n"), [
    { from: 0, to: 1, insert: "F" },
    { from: 24, to: 24, insert: " one" },
  ])
})

test("no edit cuts a character in two", () => {
  // Both begin with the same half.
  assert.deepEqual(edits("x😀y", "x😁y"), [{ from: 1, to: 3, insert: "😁" }])
})

test("texts of which all differs are one edit, found in short time", () => {
  const was = Array.from({ length: 20_000 }, (_, i) => `was ${i}\n`).join("")
  const now = Array.from({ length: 20_000 }, (_, i) => `now ${i}\n`).join("")
  const began = performance.now()
  const found = edits(was, now)
  assert.ok(performance.now() - began < 2000)
  assert.equal(found.length, 1)
  assert.equal(applied(was, found), now)
})
