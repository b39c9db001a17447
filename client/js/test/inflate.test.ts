import assert from "node:assert/strict"
import { randomInt } from "node:crypto"
import { test } from "node:test"
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"
import fc from "fast-check"
import { InflateError, inflate } from "../src/automerge/inflate.ts"

const seed = Number(process.env.BATON_SEED ?? randomInt(2 ** 31))
console.log(`BATON_SEED=${seed}`)

const MAX = 1 << 20

/** What zlib makes of `data`; undefined if it is not one deflate stream that ends where `data` ends. */
function zlib(data: Uint8Array): Uint8Array | undefined {
  try {
    const options = { info: true, maxOutputLength: MAX }
    const { buffer, engine } = inflateRawSync(data, options) as unknown as {
      buffer: Buffer
      engine: { bytesWritten: number }
    }
    return engine.bytesWritten === data.length ? new Uint8Array(buffer) : undefined
  } catch {
    return undefined
  }
}

/** What inflate makes of `data`; undefined if it throws an InflateError. */
function inflated(data: Uint8Array, max = MAX): Uint8Array | undefined {
  try {
    return inflate(data, max)
  } catch (error) {
    assert.ok(error instanceof InflateError, `${hex(data)}: ${error}`)
    return undefined
  }
}

function fault(data: Uint8Array, max = MAX): { reason: string; message: string } {
  try {
    inflate(data, max)
  } catch (error) {
    assert.ok(error instanceof InflateError, `${hex(data)}: ${error}`)
    return error
  }
  throw new Error(`${hex(data)} was inflated`)
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex")
}

/** Bytes from a string of bits, in the order in which a reader takes them; spaces are for people. */
function bits(text: string): Uint8Array {
  const all = [...text.replaceAll(" ", "")]
  const bytes = new Uint8Array(Math.ceil(all.length / 8))
  all.forEach((bit, i) => {
    bytes[i >> 3] = (bytes[i >> 3] as number) | (Number(bit) << (i & 7))
  })
  return bytes
}

const levels = fc.constantFrom(0, 1, 6, 9)
const strategies = fc.constantFrom(
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FIXED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
)

/** Bytes of few values that repeat at many distances, and of all values. */
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 3000, size: "max" }),
  fc
    .array(
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40, max: 90 }), fc.integer({ min: 1, max: 400 })),
      {
        maxLength: 12,
      },
    )
    .map((parts) =>
      Uint8Array.from(
        parts.flatMap(([part, times]) =>
          Array(times)
            .fill([...part])
            .flat(),
        ),
      ),
    ),
)
const streams = fc
  .tuple(contents, levels, strategies)
  .map(([content, level, strategy]) => ({ content, data: deflateRawSync(content, { level, strategy }) }))

test("what zlib deflates is inflated, whatever its level and strategy", () => {
  fc.assert(
    fc.property(streams, ({ content, data }) => {
      assert.equal(hex(inflate(data, MAX)), hex(content))
    }),
    { seed, numRuns: 400 },
  )
})

for (const [what, type, options] of [
  ["stored", 0, { level: 0 }],
  ["fixed", 1, { strategy: constants.Z_FIXED }],
  ["dynamic", 2, { level: 9 }],
] as const) {
  test(`a stream of ${what} blocks is inflated, also one of many blocks`, () => {
    let x = 1
    const content = Uint8Array.from({ length: 400_000 }, (_, i) => {
      x = (Math.imul(x, 1664525) + 1013904223) | 0
      return i % 1000 < 500 ? i % 50 : (x >>> 24) & 63
    })
    const data = deflateRawSync(content, { ...options, memLevel: 1 })
    assert.equal(((data[0] as number) >> 1) & 3, type, "the type of the first block")
    assert.equal(Buffer.compare(inflate(data, MAX), content), 0)
  })
}

test("a match may reach back 32768 bytes, and be 258 long", () => {
  const far = new Uint8Array(32768 + 258)
  for (let i = 0; i < 258; i++) far[i] = far[32768 + i] = 1 + (i % 255)
  const data = deflateRawSync(far, { level: 9 })
  assert.equal(Buffer.compare(inflate(data, MAX), far), 0)
})

// The length 1 for "a", 2 for the end of block and for matches of 3; of one distance, 1.
const oneDistance = [
  "1 01 10000 00000 0111",
  "000 000 100 000 000 000 000 000 000 000 000 000 000 000 000 010 000 010",
  "0 0110101 10 0 1111111 0 1001000 11 11 10",
].join(" ")

test("a code of one symbol is read, which zlib never writes, but takes", () => {
  const data = bits(`${oneDistance} 0 11 0 10`)
  assert.equal(Buffer.from(inflate(data, MAX)).toString(), "aaaa")
  assert.equal(Buffer.from(zlib(data) ?? []).toString(), "aaaa")
})

test("nothing is inflated to nothing", () => {
  assert.deepEqual(inflate(deflateRawSync(new Uint8Array()), 0), new Uint8Array())
})

for (const [what, data, says] of [
  ["no data at all", bits(""), "the data ends"],
  ["a block of type 3", bits("1 11"), "type 3"],
  ["a stored block without its lengths", bits("1 00"), "the data ends"],
  ["a stored block whose lengths differ", Uint8Array.of(1, 1, 0, 0xff, 0xff, 7), "lengths differ"],
  ["a stored block that is cut", Uint8Array.of(1, 2, 0, 0xfd, 0xff, 7), "ends within a stored block"],
  ["bytes behind the last block", Uint8Array.of(1, 1, 0, 0xfe, 0xff, 7, 0), "behind the last block"],
  ["a stream without a last block", Uint8Array.of(0, 1, 0, 0xfe, 0xff, 7), "the data ends"],
  ["a distance before the start", bits("1 10 0000001 00000 0000000"), "before the start"],
  ["the length 286", bits("1 10 11000110 0000000"), "a length that does not exist"],
  ["the length 287", bits("1 10 11000111 0000000"), "a length that does not exist"],
  ["the distance 30", bits("1 10 00110000 0000001 11110 0000000"), "a distance that does not exist"],
  ["287 literals", bits("1 01 01111 00000 0000"), "more symbols than there are"],
  ["31 distances", bits("1 01 00000 01111 0000"), "more symbols than there are"],
  ["lengths that begin with a repetition", bits("1 01 00000 00000 0000 100 100 000 000 0"), "of nothing"],
  ["three lengths of one bit", bits("1 01 00000 00000 0000 100 100 100 000"), "more symbols than fit"],
  ["one length of two bits", bits("1 01 00000 00000 0000 010 000 000 000"), "fewer symbols than fit"],
  [
    "a bit that is not the one symbol of its code",
    bits(`${oneDistance} 0 11 1 10 0000000000000000`),
    "no symbol",
  ],
  [
    "lengths that are all 0",
    bits("1 01 00000 00000 0000 000 100 100 000 1 1111111 1 1011011"),
    "end of block",
  ],
  [
    "more lengths than symbols",
    bits("1 01 00000 00000 0000 000 100 100 000 1 1111111 1 1111111"),
    "more lengths",
  ],
] as const) {
  test(`${what} is damage`, () => {
    const { reason, message } = fault(data)
    assert.equal(reason, "damaged")
    assert.ok(message.includes(says), `got ${message}, want ${says}`)
    assert.equal(zlib(data), undefined, "zlib takes it")
  })
}

test("the limit is exact, for literals, stored blocks and matches", () => {
  const content = Uint8Array.from({ length: 999 }, (_, i) => Math.imul(i, i) >> 3)
  for (const data of [
    deflateRawSync(content, { level: 0 }),
    deflateRawSync(content, { strategy: constants.Z_HUFFMAN_ONLY }),
    deflateRawSync(new Uint8Array(999)),
  ]) {
    assert.equal(inflate(data, 999).length, 999)
    assert.equal(fault(data, 998).reason, "too_large")
    assert.equal(fault(data, 0).reason, "too_large")
  }
})

test("a bomb stops at the limit", () => {
  const length = 100 << 20
  const bomb = deflateRawSync(new Uint8Array(length), { level: 9 })
  assert.ok(bomb.length < length / 1000, `${bomb.length} bytes`)
  const before = process.memoryUsage().arrayBuffers
  assert.equal(fault(bomb, MAX).reason, "too_large")
  const grown = process.memoryUsage().arrayBuffers - before
  assert.ok(grown < 8 * MAX, `${grown} bytes are held`)
})

test("every beginning of a stream is damage", () => {
  const content = Buffer.from("to be or not to be, that is the question: ".repeat(9))
  for (const options of [{ level: 0 }, { strategy: constants.Z_FIXED }, { level: 9 }]) {
    const data = deflateRawSync(content, options)
    for (let length = 0; length < data.length; length++) {
      assert.equal(fault(data.subarray(0, length)).reason, "damaged", `${length} of ${data.length} bytes`)
    }
  }
})

test("of a damaged stream it takes what zlib takes, makes the same of it, and refuses the rest", () => {
  const damages = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
  let taken = 0
  fc.assert(
    fc.property(streams, damages, fc.boolean(), ({ data }, damage, near) => {
      const mutant = Uint8Array.from(data)
      // Most of what can be wrong with codes is decided in the first bytes.
      const span = near ? Math.min(mutant.length, 90) : mutant.length
      for (const [at, value] of damage) mutant[at % span] = value
      const got = inflated(mutant)
      const want = zlib(mutant)
      assert.equal(got && hex(got), want && hex(want), hex(mutant))
      if (got) taken++
    }),
    { seed, numRuns: 2000 },
  )
  assert.ok(taken > 20, `${taken} of the damaged streams were taken`)
})

test("of any bytes it takes what zlib takes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(0, 1, 2), (bytes, type) => {
      bytes[0] = ((bytes[0] ?? 0) & ~7) | (type << 1) | 1
      const got = inflated(bytes)
      const want = zlib(bytes)
      assert.equal(got && hex(got), want && hex(want), hex(bytes))
    }),
    { seed, numRuns: 20_000 },
  )
})
