import assert from "node:assert/strict"
import { createHash, randomInt } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { sha256, sha256Hex, toHex } from "../src/sha256.ts"

const seed = Number(process.env.BATON_SEED ?? randomInt(2 ** 31))
console.log(`BATON_SEED=${seed}`)

const want = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex")

test("the examples of FIPS 180-4 have the digests that it prints", () => {
  for (const [text, digest] of [
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
  ] as const) {
    assert.equal(sha256Hex(new TextEncoder().encode(text)), digest, JSON.stringify(text))
  }
})

test("data of every length from 0 to 300 has the digest that OpenSSL finds", () => {
  for (let length = 0; length <= 300; length++) {
    for (const data of [
      new Uint8Array(length),
      new Uint8Array(length).fill(0xff),
      Uint8Array.from({ length }, (_, i) => 31 * i + length),
    ]) {
      assert.equal(sha256Hex(data), want(data), `${length} bytes like ${data[0]}, ${data[1]}`)
    }
  }
})

test("any data has the digest that OpenSSL finds, wherever in its buffer it lies", () => {
  const places = fc.record({
    data: fc.uint8Array({ maxLength: 5000, size: "max" }),
    before: fc.nat(9),
    after: fc.nat(9),
  })
  fc.assert(
    fc.property(places, ({ data, before, after }) => {
      const buffer = new Uint8Array(before + data.length + after).fill(0x80)
      buffer.set(data, before)
      const part = buffer.subarray(before, before + data.length)
      assert.equal(sha256Hex(part), want(data), `${data.length} bytes at ${before}`)
      assert.deepEqual(part, data, "the data is as it was")
    }),
    { seed, numRuns: 300 },
  )
})

test("megabytes have the digest that OpenSSL finds", () => {
  const data = new Uint8Array(10_000_003)
  for (let i = 0, x = seed; i < data.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0
    data[i] = x >>> 24
  }
  for (const part of [data, data.subarray(1), data.subarray(7, 1 << 20)]) {
    assert.equal(sha256Hex(part), want(part), `${part.length} bytes, seed ${seed}`)
  }
})

test("each digest is an array of its own", () => {
  const first = sha256(new Uint8Array(1))
  const copy = first.slice()
  const second = sha256(new Uint8Array(2))
  assert.deepEqual(first, copy)
  assert.notDeepEqual(first, second)
  assert.equal(first.length, 32)
})

test("hex has two lower-case digits for each byte", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.equal(toHex(all), Buffer.from(all).toString("hex"))
  assert.equal(toHex(new Uint8Array()), "")
})
