// Makes the small Automerge files that the scenarios of cmd/baton-snapshot import. Actors and times are
// given, so the files are the same each time.
//
//   node snapshots.mjs ../../../baton-snapshot/testdata

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as A from "@automerge/automerge"

const into = process.argv[2]
const alice = "a11ce0"
const bob = "b0b0"
const start = Date.UTC(2026, 10, 24, 10) / 1000

/** Changes a document `minute` minutes after ten o'clock. */
const at = (doc, minute, f) => A.change(doc, { time: start + 60 * minute }, f)
const save = (name, doc) => writeFileSync(join(into, name), A.save(doc))

// A plan: Alice begins it, then both write at once, then Alice ticks off what Bob added.
let hers = A.init({ actor: alice })
hers = at(hers, 0, (d) => {
  d.people = { [alice]: "Alice", [bob]: "Bob" }
  d.title = "Plans for the summer"
  d.tasks = [{ name: "Book the hut", done: false }]
})
hers = at(hers, 1, (d) => {
  d.notes = "The hut has twelve beds.\n"
})
let his = A.clone(hers, { actor: bob })
hers = at(hers, 5, (d) => {
  d.tasks[0].done = true
})
his = at(his, 6, (d) => {
  d.tasks.push({ name: "Ask about the dog", done: false })
})
his = at(his, 7, (d) => {
  A.splice(d, ["notes"], 25, 0, "Dogs sleep outside.\n")
})
save("plan-begun.automerge", hers)
hers = A.merge(hers, his)
hers = at(hers, 10, (d) => {
  d.tasks[1].done = true
})
save("plan.automerge", hers)

// One of each kind that Automerge knows.
let kinds = A.init({ actor: alice })
kinds = at(kinds, 0, (d) => {
  d.text = "a text"
  d.register = new A.ImmutableString("a register")
  d.yes = true
  d.nothing = null
  d.whole = 42
  d.part = 1.5
  d.nan = Number.NaN
  d.when = new Date(Date.UTC(2026, 10, 24, 10, 30))
  d.bytes = new Uint8Array([0, 1, 254, 255])
  d.hits = new A.Counter(3)
  d.list = [1, [2], { three: 3 }]
  d.prices = { $: 5 }
})
save("kinds.automerge", kinds)

// A long text that was pasted at once: one change, whose letters do not deflate to few bytes.
let letter = 1
const letters = Array.from({ length: 6000 }, () => {
  letter = (letter * 48271) % 2147483647
  return String.fromCharCode(97 + (letter % 26))
})
let pasted = A.init({ actor: alice })
pasted = at(pasted, 0, (d) => {
  d.text = letters.join("")
})
save("pasted.automerge", pasted)

// A text of which a part is bold.
let formatted = A.init({ actor: alice })
formatted = at(formatted, 0, (d) => {
  d.text = "a bold word"
  A.mark(d, ["text"], { start: 2, end: 6, expand: "after" }, "bold", true)
})
save("formatted.automerge", formatted)

// The same as a bundle of changes, a kind of chunk that Automerge writes since its third version.
const bundled = A.getAllChanges(formatted).map((change) => A.decodeChange(change).hash)
writeFileSync(join(into, "later.automerge"), A.saveBundle(formatted, bundled))

// A whiteboard with one shape and its label, as the whiteboard page writes them (webdemo/src/binding/schema.ts).
const word = (s) => new A.ImmutableString(s)
const look = (index) => ({
  angle: 0,
  strokeColor: word("#1e1e1e"),
  backgroundColor: word("transparent"),
  fillStyle: word("solid"),
  strokeWidth: 2,
  strokeStyle: word("solid"),
  roughness: 1,
  opacity: 100,
  seed: 7,
  index: word(index),
  isDeleted: false,
  groupIds: word("[]"),
  locked: false,
})
let board = A.init({ actor: alice })
board = at(board, 0, (d) => {
  d.elements = {}
  d.files = {}
  d.people = { [alice]: word('{"name":"Alice","colour":"#0b7285"}') }
  d.comments = {}
})
board = at(board, 1, (d) => {
  d.elements.box = { ...look("a0"), type: word("rectangle"), x: 10, y: 20, width: 200, height: 100 }
})
board = at(board, 2, (d) => {
  const size = { x: 40, y: 55, width: 120, height: 25, fontSize: 20, fontFamily: 5, lineHeight: 1.25, autoResize: true }
  const set = { text: word("the hut"), textAlign: word("left"), verticalAlign: word("top"), originalText: "the hut" }
  d.elements.label = { ...look("a1"), type: word("text"), ...size, ...set }
})
save("board.automerge", board)

// A whiteboard with what its own fonts lack, and with an image that is itself SVG.
let scripts = A.init({ actor: alice })
scripts = at(scripts, 0, (d) => {
  const size = { x: 0, y: 0, width: 200, height: 25, fontSize: 20, fontFamily: 5, lineHeight: 1.25, autoResize: true }
  const set = { textAlign: word("left"), verticalAlign: word("top") }
  const written = (index, text) => ({ ...look(index), ...size, ...set, type: word("text"), text: word(text), originalText: text })
  const picture = { type: word("image"), x: 0, y: 80, width: 40, height: 40, fileId: word("circle") }
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="20"/></svg>'
  d.elements = {
    arabic: written("a0", "مرحبا"),
    chinese: { ...written("a1", "漢字"), y: 40 },
    picture: { ...look("a2"), ...picture },
  }
  d.files = {
    circle: word('{"type":"image/svg+xml","slices":1}'),
    "circle/0": new TextEncoder().encode(svg),
  }
})
save("scripts.automerge", scripts)
