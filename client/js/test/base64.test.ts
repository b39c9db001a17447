import assert from "node:assert/strict"
import { createHash, randomBytes, randomInt } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { fromBase64, toBase64 } from "../src/base64.ts"

const seed = Number(process.env.BATON_SEED ?? randomInt(2 ** 31))
console.log(`BATON_SEED=${seed}`)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** The plain meaning of "strict": Buffer takes much, but writes each array of bytes in one way only. */
function isStrict(text: string): boolean {
  return Buffer.from(text, "base64").toString("base64") === text
}

test("any bytes become the text that Buffer makes of them, and come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = toBase64(bytes)
      assert.equal(text, Buffer.from(bytes).toString("base64"))
      assert.deepEqual(fromBase64(text), bytes)
    }),
    { seed, numRuns: 1000 },
  )
})

test("a part of a larger buffer is encoded alone", () => {
  const buffer = Uint8Array.from({ length: 40 }, (_, i) => 7 * i)
  for (let from = 0; from < 8; from++) {
    for (let to = from; to < 40; to++) {
      const want = Buffer.from(buffer.slice(from, to)).toString("base64")
      assert.equal(toBase64(buffer.subarray(from, to)), want, `bytes ${from} to ${to}`)
    }
  }
})

test("ten megabytes and lengths about the size of a chunk go there and back", () => {
  for (const length of [8189, 8190, 8191, 16380, 16381, 10_000_001]) {
    const bytes = randomBytes(length)
    const text = toBase64(bytes)
    assert.equal(digest(text), digest(bytes.toString("base64")), `${length} bytes there`)
    assert.equal(digest(fromBase64(text)), digest(bytes), `${length} bytes back`)
  }
})

function digest(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex")
}

test("what is decoded is an array of its own, without Buffer's pool", () => {
  const bytes = fromBase64("AQID")
  assert.equal(bytes.constructor, Uint8Array)
  assert.equal(bytes.buffer.byteLength, 3)
})

for (const [what, text, says] of [
  ["white space in front", " AQID", '" " at 0'],
  ["a line break within", "AQID\nBAUG", '"\\n" at 4'],
  ["white space that makes the length right", "AQI ", '" " at 3'],
  ["a tab behind padding", "AQ==\t", '"=" at 2'],
  ["white space alone", "    ", '" " at 0'],
  ["the url-safe minus", "-_8=", '"-" at 0'],
  ["the url-safe underscore", "AQI_", '"_" at 3'],
  ["one missing padding character", "AQI", "length 3"],
  ["two missing padding characters", "AQ", "length 2"],
  ["half of the padding", "AQ=", "length 3"],
  ["a single character", "A", "length 1"],
  ["padding of nothing", "====", '"=" at 0'],
  ["one padding character alone", "=", "length 1"],
  ["three padding characters", "A===", '"=" at 1'],
  ["padding behind a whole group", "AQID====", '"=" at 4'],
  ["padding in the middle", "AQ==AQID", '"=" at 2'],
  ["one between two padding characters", "AQ=A", '"=" at 2'],
  ["bits behind one byte", "AR==", '"AR=="'],
  ["bits behind two bytes", "AQIDAQJ=", '"AQJ="'],
  ["a letter of another alphabet", "AQIé", '"é" at 3'],
  ["half of a surrogate pair", "AQI\ud83d", '"\\ud83d" at 3'],
  ["a zero byte", "AQI\0", '"\\u0000" at 3'],
] as const) {
  test(`${what} is refused: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => fromBase64(text),
      (error) => error instanceof RangeError && error.message.includes(says),
    )
  })
}

test("a text is taken exactly if it is the one text of its bytes", () => {
  const characters = fc.constantFrom(...alphabet, "=", "=", "=", " ", "\n", "-", "_", "é")
  const groups = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 })
  const texts = fc.oneof(
    fc.string({ unit: characters, maxLength: 9 }),
    fc.tuple(groups, fc.constantFrom("", "=", "==", "===", "=\n")).map(([a, b]) => a + b),
  )
  fc.assert(
    fc.property(texts, (text) => {
      let bytes: Uint8Array | undefined
      try {
        bytes = fromBase64(text)
      } catch (error) {
        assert.ok(error instanceof RangeError, `${JSON.stringify(text)}: ${error}`)
      }
      assert.equal(bytes !== undefined, isStrict(text), JSON.stringify(text))
      if (bytes) assert.equal(toBase64(bytes), text)
    }),
    { seed, numRuns: 20_000 },
  )
})
