// Makes an Automerge document, as ops and as what JavaScript says that it is after some of them. Prints, as JSON lines,
//   {"actor","seq","clock","payload"}                          an op, in the order of the log
//   {"offset","json","typed","heads"}                          the state after so many ops
// json and typed are texts in the two mappings of docs/snapshot.md.
//
//   node documents.mjs kinds                                   every kind of value, two authors
//   node documents.mjs text  --edits trace.json                one change an edit: [place, deletions, "text", …]
//   node documents.mjs board --elements 5000 --moves 20000     a whiteboard
//   node documents.mjs talk  --moves 40                        three authors, who hear of each other now and then
//   … --seed 1 --states 20                                     how many moments of the past, at random
//   … --decoded                                                with what decodeChange says of each op's change

import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as A from "@automerge/automerge"

const { positionals, values: args } = parseArgs({
  allowPositionals: true,
  options: {
    edits: { type: "string" },
    elements: { type: "string", default: "50" },
    moves: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    states: { type: "string", default: "20" },
    decoded: { type: "boolean", default: false },
  },
})

let random = Number(args.seed)
/** A number from 0 to n-1 (mulberry32). */
function dice(n) {
  random = (random + 0x6d2b79f5) | 0
  let x = Math.imul(random ^ (random >>> 15), 1 | random)
  x ^= x + Math.imul(x ^ (x >>> 7), 61 | x)
  return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * n)
}

const actor = (n) => n.toString(16).padStart(32, "0")

let ops = 0
const dots = new Map() // of each change's hash
let states = new Set()
const out = []
function print(line) {
  out.push(JSON.stringify(line))
  if (out.length >= 1000) flush()
}
function flush() {
  if (out.length > 0) process.stdout.write(`${out.join("\n")}\n`)
  out.length = 0
}

/** Prints a change that `doc` has just got, and the state after it where that is asked for. */
function log(doc, change = A.getLastLocalChange(doc)) {
  const { actor, seq, deps, hash, startOp, time, message, ops: made } = A.decodeChange(change)
  const clock = {}
  for (const dep of deps) {
    const [by, n] = dots.get(dep)
    if (by !== actor) clock[by] = n
  }
  dots.set(hash, [actor, seq])
  const decoded = args.decoded ? { hash, deps, startOp, time, message: message ?? "", ops: made.length } : undefined
  print({ actor, seq, clock, payload: Buffer.from(change).toString("base64"), decoded })
  if (states.has(++ops)) state(doc)
}

function state(doc) {
  print({ offset: ops, json: text(doc, false), typed: text(doc, true), heads: A.getHeads(doc).sort() })
}

/** JSON of a value, by hand: JSON.stringify asks a date or a counter what it wants to be. */
function text(v, typed) {
  const tag = (name, s) => (typed ? `{"${name}":${s}}` : s)
  if (v === null || typeof v === "boolean") return String(v)
  if (typeof v === "string") return JSON.stringify(v)
  if (typeof v === "number") {
    if (Number.isFinite(v)) return JSON.stringify(v)
    return typed ? tag("$float", JSON.stringify(String(v))) : "null"
  }
  if (v instanceof Date) return tag("$date", JSON.stringify(v.toISOString()))
  if (v instanceof Uint8Array) return tag("$bytes", JSON.stringify(Buffer.from(v).toString("base64")))
  if (v instanceof A.Counter) return tag("$counter", String(v.value))
  if (A.isImmutableString(v)) return tag("$str", JSON.stringify(v.toString()))
  if (Array.isArray(v)) return `[${v.map((x) => text(x, typed)).join(",")}]`
  const keys = Object.keys(v).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const map = `{${keys.map((k) => `${JSON.stringify(k)}:${text(v[k], typed)}`).join(",")}}`
  return typed && keys.some((k) => k.startsWith("$")) ? `{"$map":${map}}` : map
}

function pickStates(total) {
  const n = Math.min(Number(args.states), total)
  while (states.size < n) states.add(1 + dice(total))
  states.add(total)
}

const makers = { kinds, text: typing, board, talk }

function kinds() {
  states = { has: () => true } // after each
  let a = A.init({ actor: actor(0xa1) })
  const change = (f) => {
    a = A.change(a, f)
    log(a)
  }
  change((d) => {
    d.values = { null: null, yes: true, no: false, int: 42, negative: -7, float: 1.5, tiny: 1e-7, empty: "" }
    d.values.nan = Number.NaN
    d.values.up = Number.POSITIVE_INFINITY
    d.values.down = Number.NEGATIVE_INFINITY
    d.values.word = new A.ImmutableString("a register")
    d.values.date = new Date(1767225600123)
    d.values.old = new Date(-62135596800000)
    d.dates = [-8.64e15, -62198755200001, -62198755200000, -62167219200001, -62167219200000, 253402300799999, 253402300800000, 8.64e15].map(
      (ms) => new Date(ms),
    )
    d.values.bytes = new Uint8Array([0, 1, 254, 255])
    d.values.huge = new A.Float64(1e21)
  })
  change((d) => {
    d.text = 'quotes " and \\, \u0000 and \u2028, naïve 日本語 👩‍👩‍👧‍👦'
    d.list = [1, "two", [3, [4]], { five: 5 }, null]
    d.$tagged = { $str: "not a tag", plain: 1 }
    d["odd key \n \"'"] = {}
    d.hits = new A.Counter(10)
  })
  let b = A.clone(a, { actor: actor(0xb2) })
  change((d) => {
    d.hits.increment(5)
    A.splice(d, ["text"], 0, 6, "marks")
    A.mark(d, ["text"], { start: 0, end: 5, expand: "both" }, "bold", true)
    d.values.both = "from a"
  })
  const theirs = A.change(b, (d) => {
    d.hits.decrement(3)
    d.list.splice(1, 2, "between")
    d.values.both = "from b"
    A.splitBlock(d, ["text"], 3, { type: new A.ImmutableString("p") })
  })
  b = theirs
  a = A.merge(a, b)
  log(a, A.getLastLocalChange(b))
  a = A.change(a, { message: "tidying up: naïve", time: -5 }, (d) => {
    delete d.values.int
    d.list.push(new Date(0), new Uint8Array(0), new A.Counter(1))
  })
  log(a)
  change((d) => {
    let at = d
    for (let i = 0; i < 200; i++) {
      at.deeper = {}
      at = at.deeper
    }
  })
}

function typing() {
  const edits = JSON.parse(readFileSync(args.edits, "utf8"))
  pickStates(edits.length + 1)
  let doc = A.change(A.init({ actor: actor(0xa1) }), (d) => {
    d.text = ""
  })
  log(doc)
  for (const [at, deletions, ...inserted] of edits) {
    doc = A.change(doc, (d) => A.splice(d, ["text"], at, deletions, inserted.join("")))
    log(doc)
  }
}

const word = (s) => new A.ImmutableString(s)

function board() {
  const elements = Number(args.elements)
  const moves = Number(args.moves)
  pickStates(1 + elements + moves)
  let doc = A.change(A.init({ actor: actor(0) }), { time: 0 }, (d) => {
    d.elements = {}
    d.files = {}
    d.people = {}
    d.comments = {}
  })
  log(doc)
  doc = A.clone(doc, { actor: actor(0xa1) })
  const colours = ["#1e1e1e", "#e03131", "#2f9e44", "#1971c2"]
  const types = ["rectangle", "ellipse", "diamond"]
  for (let i = 0; i < elements; i++) {
    doc = A.change(doc, (d) => {
      if (i === 0) d.people[actor(0xa1)] = word('{"name":"Ada","colour":"#1971c2"}')
      d.elements[`e${i}`] = {
        type: word(types[dice(3)]),
        x: dice(4000),
        y: dice(3000),
        width: 20 + dice(200),
        height: 20 + dice(200),
        angle: 0,
        strokeColor: word(colours[dice(4)]),
        backgroundColor: word("transparent"),
        fillStyle: word("solid"),
        strokeWidth: 2,
        strokeStyle: word("solid"),
        roughness: 1,
        opacity: 100,
        seed: 1 + dice(2 ** 31 - 2),
        index: word(`a${i.toString(36).padStart(4, "0")}`),
        isDeleted: false,
        groupIds: word("[]"),
        locked: false,
      }
    })
    log(doc)
  }
  for (let i = 0; i < moves; i++) {
    const id = `e${dice(elements)}`
    doc = A.change(doc, (d) => {
      d.elements[id].x = dice(4000) + dice(100) / 100
      d.elements[id].y = dice(3000) + dice(100) / 100
    })
    log(doc)
  }
}

function talk() {
  const moves = Number(args.moves)
  pickStates(1 + moves)
  let whole = A.change(A.init({ actor: actor(0) }), (d) => {
    d.notes = {}
    d.text = ""
  })
  log(whole)
  const authors = [0xa1, 0xb2, 0xc3].map((n) => A.clone(whole, { actor: actor(n) }))
  for (let i = 0; i < moves; i++) {
    const n = dice(authors.length)
    if (dice(3) === 0) authors[n] = A.merge(authors[n], whole)
    authors[n] = A.change(authors[n], (d) => {
      d.notes[`note ${dice(5)}`] = i
      A.splice(d, ["text"], dice(d.text.length + 1), 0, `${i} `)
    })
    const change = A.getLastLocalChange(authors[n])
    ;[whole] = A.applyChanges(whole, [change])
    log(whole, change)
  }
}

makers[positionals[0]]()
flush()
