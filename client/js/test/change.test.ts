import assert from "node:assert/strict"
import { createHash, randomInt } from "node:crypto"
import { test } from "node:test"
import { deflateRawSync } from "node:zlib"
import * as A from "@automerge/automerge"
import { type Change, ChangeError, MAX_INFLATED, MAX_OPS, readChange } from "../src/automerge/change.ts"

const seed = Number(process.env.BATON_SEED ?? randomInt(2 ** 31))
console.log(`BATON_SEED=${seed}`)

/** A number from 0 to n-1, from `seed` on always the same ones. */
let state = seed
function random(n: number): number {
  state = (state + 0x6d2b79f5) | 0
  let x = Math.imul(state ^ (state >>> 15), 1 | state)
  x ^= x + Math.imul(x ^ (x >>> 7), 61 | x)
  return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * n)
}

function pick<T>(of: readonly T[]): T {
  return of[random(of.length)] as T
}

interface Root {
  text: string
  list: unknown[]
  map: Record<string, unknown>
  hits: A.Counter
}
type Doc = A.Doc<Root>

const words = ["a", "Baton ", "naïve", "日本語", "👩‍👩‍👧‍👦", "\n", "0", "x".repeat(300)]

/** The edits that random documents are made of. */
const edits: ((doc: Root) => void)[] = [
  (doc) => {
    const at = random(doc.text.length + 1)
    A.splice(doc as Doc, ["text"], at, Math.min(random(5), doc.text.length - at), pick(words))
  },
  (doc) => A.updateText(doc as Doc, ["text"], pick(words) + doc.text.slice(random(9))),
  (doc) => {
    const end = doc.text.length
    const range = { start: random(end), end, expand: pick(["before", "after", "both", "none"] as const) }
    if (end > 0) A.mark(doc as Doc, ["text"], range, pick(["bold", "link"]), pick([true, "url", null, 7]))
  },
  (doc) => A.splitBlock(doc as Doc, ["text"], random(doc.text.length), { type: new A.ImmutableString("p") }),
  (doc) => {
    doc.list.splice(
      random(doc.list.length + 1),
      random(3),
      random(1000),
      pick(words),
      new Date(random(2 ** 40)),
    )
  },
  (doc) => {
    doc.list.push(Array(random(400)).fill(0))
  },
  (doc) => {
    doc.map[pick(words)] = pick([
      null,
      true,
      -1.5,
      2 ** 40,
      -3,
      "",
      new A.ImmutableString("i"),
      {},
      { deep: [[]] },
    ])
  },
  (doc) => {
    doc.map.bytes = Uint8Array.from({ length: random(50) }, () => random(256))
  },
  (doc) => {
    for (const key of Object.keys(doc.map).slice(random(3))) delete doc.map[key]
  },
  (doc) => doc.hits.increment(random(100) - 50),
]

/** One author's next change: a few edits, now or upon an earlier state, or none. */
function edit(doc: Doc, rewrites: boolean): Doc {
  const options = { time: pick([0, 1767225600, -62, random(2 ** 31)]), message: pick([...words, ""]) }
  // Automerge 3.5.0 panics in some merges of documents that hold both.
  if (!rewrites && random(8) === 0) return A.emptyChange(doc, options)
  const apply = (root: Root) => {
    for (let n = 1 + random(4); n > 0; n--) pick(edits)(root)
  }
  if (!rewrites || random(4) > 0) return A.change(doc, options, apply)
  const change = pick(A.getAllChanges(doc))
  return A.changeAt(doc, [A.decodeChange(change).hash], options, apply).newDoc
}

/** All changes of a document that a few authors wrote, each for itself and together. */
function randomChanges(): Uint8Array[] {
  const rewrites = random(2) === 0
  const first = A.change(A.init<Root>({ actor: "00" }), { time: 0 }, (doc) => {
    Object.assign(doc, { text: "", list: [], map: {}, hits: new A.Counter() })
  })
  const docs = [first]
  for (let n = 1; n < 4; n++) {
    const actor = `${n}f`.repeat(pick([1, 16, 16, 64, 130]))
    docs.push(A.clone(first, { actor }))
  }
  for (let n = 0; n < 40; n++) {
    const at = random(docs.length)
    const other = (at + 1 + random(docs.length - 1)) % docs.length // a merge with itself panics
    const doc = docs[at] as Doc
    docs[at] = random(3) === 0 ? A.merge(doc, docs[other] as Doc) : edit(doc, rewrites)
  }
  return A.getAllChanges(docs.reduce((all, doc) => A.merge(all, doc)))
}

/** What Automerge says of the same bytes. */
function decoded(bytes: Uint8Array): Change {
  const { hash, actor, seq, startOp, deps, time, message, ops } = A.decodeChange(bytes)
  return { hash: hash as string, actor, seq, startOp, deps, time, message: message ?? "", ops: ops.length }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex")
}

/** The error that reading `bytes` throws. */
function fault(bytes: Uint8Array, what = hex(bytes)): ChangeError {
  let change: Change
  try {
    change = readChange(bytes)
  } catch (error) {
    assert.ok(error instanceof ChangeError, `${what}: ${error}`)
    return error
  }
  throw new Error(`${what} is read as ${JSON.stringify(change)}`)
}

test("changes of random documents are read as Automerge reads them", () => {
  const seen = { changes: 0, merges: 0, empty: 0 }
  for (let n = 0; n < 30; n++) {
    for (const bytes of randomChanges()) {
      const got = readChange(bytes)
      assert.deepEqual(got, decoded(bytes), hex(bytes))
      seen.changes++
      if (got.deps.length > 1) seen.merges++
      if (got.ops === 0) seen.empty++
    }
  }
  assert.ok(seen.changes > 500 && seen.merges > 20 && seen.empty > 20, JSON.stringify(seen))
})

test("the ops of a long text are counted, when it is pasted and when it is deleted", () => {
  let doc = A.from({ text: "word ".repeat(4000) })
  doc = A.change(doc, (root) => A.splice(root, ["text"], 0, 20_000))
  const [pasted, deleted] = A.getAllChanges(doc) as [Uint8Array, Uint8Array]
  assert.equal(readChange(pasted).ops, 20_001)
  assert.equal(readChange(deleted).ops, 20_000)
  assert.ok(deleted.length < 150, `${deleted.length} bytes`)
})

/** A few changes of different kinds. */
function samples(): Uint8Array[] {
  let doc = A.from<Record<string, unknown>>({ text: "", n: 1 }, { actor: "a1".repeat(16) })
  doc = A.change(doc, { message: "typed", time: 1767225600 }, (root) =>
    A.splice(root as Doc, ["text"], 0, 0, "abc"),
  )
  const other = A.change(A.clone(doc, { actor: "b2" }), { time: -1 }, (root) => {
    root.n = [1, "two", null]
  })
  doc = A.emptyChange(A.merge(doc, other), { message: "é" })
  doc = A.change(doc, (root) => {
    root.long = "to be or not to be, ".repeat(8)
  })
  return A.getAllChanges(doc)
}

test("a change with any bit flipped is refused", () => {
  for (const bytes of samples()) {
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      fault(flipped, `bit ${bit} of ${hex(bytes)}`)
    }
  }
})

test("every beginning of a change is refused, and every end", () => {
  for (const bytes of samples()) {
    for (let cut = 0; cut < bytes.length; cut++) {
      const { reason } = fault(bytes.subarray(0, cut))
      assert.equal(reason, cut < 4 ? "type" : "damaged", `${cut} bytes of ${hex(bytes)}`)
      if (cut > 0) assert.equal(fault(bytes.subarray(cut)).reason, "type")
    }
  }
})

test("a change with anything behind it is damaged", () => {
  const [first, second] = samples() as [Uint8Array, Uint8Array]
  for (const behind of [Uint8Array.of(0), first, second]) {
    assert.equal(fault(Buffer.concat([first, behind])).reason, "damaged")
  }
})

test("what is no change is refused by its type", () => {
  let doc = A.from({ text: "abc" })
  const heads = A.getHeads(doc)
  doc = A.change(doc, (root) => A.splice(root, ["text"], 3, 0, "def"))
  const [first] = samples() as [Uint8Array]
  for (const [what, bytes] of Object.entries({
    document: A.save(doc),
    bundle: A.saveBundle(
      doc,
      A.getAllChanges(doc).map((change) => A.decodeChange(change).hash as string),
    ),
    nothing: new Uint8Array(),
    text: new TextEncoder().encode("hello, world"),
    "chunk of type 4": Uint8Array.from(first).fill(4, 8, 9),
    "chunk of type 255": Uint8Array.from(first).fill(255, 8, 9),
  })) {
    assert.equal(fault(bytes, what).reason, "type", what)
  }
  assert.equal(readChange(A.saveSince(doc, heads)).seq, 2, "what is saved of one change is that change")
})

test("a change is read where it lies in a larger buffer, and left as it is", () => {
  for (const bytes of samples()) {
    const buffer = new Uint8Array(bytes.length + 9).fill(0x85)
    buffer.set(bytes, 5)
    const part = buffer.subarray(5, 5 + bytes.length)
    assert.deepEqual(readChange(part), decoded(bytes))
    assert.equal(hex(part), hex(bytes))
  }
})

function uleb(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

function sleb(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest & 127n)]
}

function chunk(type: number, body: Uint8Array, content = body): Uint8Array {
  const whole = Uint8Array.from([1, ...uleb(body.length)])
  const checksum = createHash("sha256").update(whole).update(body).digest().subarray(0, 4)
  return Buffer.concat([
    Uint8Array.of(0x85, 0x6f, 0x4a, 0x83),
    checksum,
    Uint8Array.from([type, ...uleb(content.length)]),
    content,
  ])
}

function bodyOf(bytes: Uint8Array): Uint8Array {
  let at = 9
  while ((bytes[at] as number) > 127) at++
  return bytes.subarray(at + 1)
}

/** The same change as other clients may send it. */
function deflated(bytes: Uint8Array, options = {}): Uint8Array {
  const body = bodyOf(bytes)
  return chunk(2, body, deflateRawSync(body, options))
}

test("a deflated change is read like the plain one, by Automerge too", () => {
  for (const bytes of [...samples(), ...randomChanges()]) {
    for (const options of [{}, { level: 0 }, { level: 9 }]) {
      const other = deflated(bytes, options)
      assert.deepEqual(readChange(other), readChange(bytes), hex(other))
      assert.deepEqual(decoded(other), decoded(bytes), hex(other))
    }
  }
})

test("a deflated change with any bit flipped is refused, or still the same change", () => {
  for (const bytes of samples()) {
    const other = deflated(bytes)
    for (let bit = 0; bit < 8 * other.length; bit++) {
      const flipped = other.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        assert.deepEqual(readChange(flipped), readChange(bytes))
      } catch (error) {
        assert.ok(error instanceof ChangeError, `bit ${bit} of ${hex(other)}: ${error}`)
      }
    }
  }
})

test("a deflated change that is cut or has bytes behind it or its stream is damaged", () => {
  const plain = samples()[1] as Uint8Array
  assert.equal(fault(Buffer.concat([deflated(plain), Uint8Array.of(0)])).reason, "damaged")
  const content = deflateRawSync(bodyOf(plain))
  for (let length = 0; length < content.length; length++) {
    const bytes = chunk(2, bodyOf(plain), content.subarray(0, length))
    assert.equal(fault(bytes).reason, "damaged")
  }
  assert.equal(fault(chunk(2, bodyOf(plain), Buffer.concat([content, Uint8Array.of(0)]))).reason, "damaged")
})

test("a deflated change that is larger than any may be is refused", () => {
  const bomb = chunk(2, new Uint8Array(), deflateRawSync(new Uint8Array(MAX_INFLATED + 1), { level: 9 }))
  assert.equal(fault(bomb).reason, "too_large")
})

type Columns = Record<number, number[]>

/** One op that sets a key of the root to null, as its columns. */
const oneOp: Columns = {
  21: [...sleb(1), 1, 0x6b],
  52: uleb(1),
  66: [...sleb(1), 1],
  86: [...sleb(1), 0],
  112: [...sleb(1), 0],
}

const head = {
  deps: [0],
  actor: [1, 0xaa],
  seq: [1],
  startOp: [1],
  time: [0],
  message: [0],
  others: [0],
}

/** A change with a right checksum, of a head and columns, of which some are other than usual. */
function forge(
  change: Partial<typeof head> = {},
  columns: Columns = oneOp,
  behind: number[] = [],
): Uint8Array {
  const specs = Object.entries(columns)
  const meta = [
    uleb(specs.length),
    ...specs.map(([spec, data]) => [...uleb(Number(spec)), ...uleb(data.length)]),
  ]
  return forgeRaw(change, [...meta.flat(), ...Object.values(columns).flat(), ...behind])
}

function forgeRaw(change: Partial<typeof head>, columns: number[]): Uint8Array {
  return chunk(1, Uint8Array.from([...Object.values({ ...head, ...change }).flat(), ...columns]))
}

test("a forged change is one to Automerge as well", () => {
  const bytes = forge()
  assert.deepEqual(readChange(bytes), decoded(bytes))
  assert.equal(readChange(bytes).ops, 1)
})

test("numbers go as far as JavaScript's do", () => {
  const max = Number.MAX_SAFE_INTEGER
  for (const time of [
    0,
    63,
    64,
    -64,
    -65,
    8191,
    8192,
    -8192,
    -8193,
    2 ** 48,
    -(2 ** 48),
    2 ** 52,
    max,
    -max,
  ]) {
    const bytes = forge({ time: sleb(time) })
    assert.equal(readChange(bytes).time, time)
    assert.deepEqual(readChange(bytes), decoded(bytes))
  }
  for (const seq of [127, 128, 16383, 16384, 2 ** 49 - 1, 2 ** 49, max]) {
    const bytes = forge({ seq: uleb(seq) })
    assert.equal(readChange(bytes).seq, seq)
    assert.deepEqual(readChange(bytes), decoded(bytes))
  }
  assert.equal(readChange(forge({ startOp: uleb(2 ** 32 - 1) })).startOp, 2 ** 32 - 1)
})

test("bytes that a later version adds and a message with a byte order mark are read", () => {
  const bytes = forge({ message: [4, 0xef, 0xbb, 0xbf, 0x78] }, oneOp, [1, 2, 3])
  assert.equal(readChange(bytes).message, "\ufeffx")
  assert.deepEqual(readChange(bytes), decoded(bytes))
})

const huge = uleb(2n ** 63n)
const swapped = [2, 0x56, 2, 0x42, 2, 1, 0, 1, 1]
const twice = [2, 0x42, 2, 0x42, 2, 1, 1, 1, 1]
for (const [what, bytes] of Object.entries({
  "no body": chunk(1, new Uint8Array()),
  "a seq of 0": forge({ seq: [0] }),
  "a startOp of 0": forge({ startOp: [0] }),
  "a seq of 2^53": forge({ seq: uleb(2 ** 53) }),
  "a seq of 2^53 + 1": forge({ seq: uleb(2n ** 53n + 1n) }),
  "a seq of 2^64 - 1": forge({ seq: uleb(2n ** 64n - 1n) }),
  "a startOp of 2^32": forge({ startOp: uleb(2 ** 32) }),
  "a startOp of 2^32 without ops": forge({ startOp: uleb(2 ** 32) }, {}),
  "two ops from 2^32 - 1 on": forge({ startOp: uleb(2 ** 32 - 1) }, { 66: [2, 1] }),
  "a time of 2^53": forge({ time: sleb(2 ** 53) }),
  "a time of -2^53": forge({ time: sleb(-(2 ** 53)) }),
  "a time of -2^63": forge({ time: sleb(-(2n ** 63n)) }),
  "a seq with a byte too many": forge({ seq: [0x81, 0] }),
  "a time with a byte too many": forge({ time: [0x81, 0] }),
  "a negative time with a byte too many": forge({ time: [0xff, 0x7f] }),
  "a number without an end": forge({ seq: Array(99).fill(0x80) }),
  "more deps than bytes": forge({ deps: uleb(2 ** 50) }),
  "more deps than anybody can count": forge({ deps: huge }),
  "an actor longer than the change": forge({ actor: [100, 0xaa] }),
  "an actor of 2^63 bytes": forge({ actor: huge }),
  "a message longer than the change": forge({ message: uleb(2 ** 32) }),
  "a message that is not UTF-8": forge({ message: [1, 0xff] }),
  "a message with half of a surrogate pair": forge({ message: [3, 0xed, 0xa0, 0x80] }),
  "more other actors than bytes": forge({ others: uleb(2 ** 50) }),
  "more columns than bytes": forgeRaw({}, uleb(2 ** 50)),
  "no columns and not even none": forgeRaw({}, []),
  "columns out of order": forgeRaw({}, swapped),
  "a column twice": forgeRaw({}, twice),
  "a deflated column": forge({}, { 74: [1, 1] }),
  "a column longer than the change": forgeRaw({}, [1, 0x42, 3, 1, 1]),
  "columns of 2^63 bytes": forgeRaw({}, [1, 0x42, ...huge]),
  "a run without its value": forge({}, { 66: [1] }),
  "a count without an end": forge({}, { 66: [0x80] }),
  "fewer values than are counted": forge({}, { 66: [...sleb(-3), 1, 1] }),
  "2^52 values in two bytes": forge({}, { 66: [...sleb(-(2n ** 52n)), 1, 1] }),
  "2^63 values in two bytes": forge({}, { 66: [...sleb(-(2n ** 63n)), 1, 1] }),
  "a run of 2^63 - 1": forge({}, { 66: [...sleb(2n ** 63n - 1n), 1] }),
})) {
  test(`a change with ${what} is malformed`, () => {
    assert.equal(fault(bytes).reason, "malformed")
  })
}

const billion = 10 ** 9
for (const [what, columns] of Object.entries({
  "a billion equal ops": { 21: [...sleb(billion), 1, 0x6b], 66: [...sleb(billion), 1] },
  "a billion ops of no kind": { 66: [0, ...uleb(billion)] },
  "the most ops there may be and one": { 66: [...sleb(MAX_OPS), 1, ...sleb(-1), 2] },
  "a thousand runs of many ops": {
    66: Array(1000)
      .fill([...sleb(2001), 1])
      .flat(),
  },
  "an op that overwrites a billion": {
    ...oneOp,
    112: [...sleb(1), ...uleb(billion)],
    113: [...sleb(billion), 0],
    115: [...sleb(billion), 1],
  },
  "ops that together overwrite too many": { 66: [...sleb(3), 1], 112: [...sleb(3), ...uleb(MAX_OPS / 2)] },
  "as many as there are numbers": { 112: [...sleb(2n ** 53n - 1n), ...uleb(2n ** 53n - 1n)] },
})) {
  test(`a change with ${what} is too large`, () => {
    assert.equal(fault(forge({}, columns)).reason, "too_large")
  })
}

test("the most ops there may be are read", () => {
  const columns = {
    66: [...sleb(MAX_OPS - 5), 1, ...sleb(-2), 1, 2, 0, 3],
    112: [...sleb(2), ...uleb(MAX_OPS / 2)],
  }
  assert.equal(readChange(forge({}, columns)).ops, MAX_OPS)
})

test("what is damaged with a right checksum is refused, or read as Automerge reads it", () => {
  const seen = { read: 0, refused: 0 }
  for (let n = 0; n < 10; n++) {
    for (const bytes of randomChanges()) {
      const body = Uint8Array.from(bodyOf(bytes))
      for (let hits = 1 + random(3); hits > 0; hits--) body[random(body.length)] = random(256)
      const mutant = chunk(1, body)
      let got: Change
      try {
        got = readChange(mutant)
      } catch (error) {
        assert.ok(error instanceof ChangeError, `${hex(mutant)}: ${error}`)
        seen.refused++
        continue
      }
      if (got.ops > 10_000) continue // that would take Automerge seconds
      let want: Change
      try {
        want = decoded(mutant)
      } catch {
        continue // of the ops themselves only Automerge knows what they may be
      }
      // Automerge counts no further than to an op that it cannot read.
      assert.ok(got.ops >= want.ops, `got ${got.ops} ops, want at least ${want.ops}: ${hex(mutant)}`)
      assert.deepEqual({ ...got, ops: 0 }, { ...want, ops: 0 }, hex(mutant))
      seen.read++
    }
  }
  assert.ok(seen.read > 10 && seen.refused > 10, JSON.stringify(seen))
})
