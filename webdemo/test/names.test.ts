import assert from "node:assert/strict"
import { test } from "node:test"
import { isName } from "../src/link/link.ts"
import { newName } from "../src/link/names.ts"
import { words } from "../src/link/words.ts"

test("there are 2,048 words, each of 3 to 8 small letters", () => {
  assert.equal(words.length, 2048)
  assert.deepEqual(
    words.filter((word) => !/^[a-z]{3,8}$/.test(word)),
    [],
  )
})

test("the first four letters tell any two words apart", () => {
  assert.equal(new Set(words.map((word) => word.slice(0, 4))).size, words.length)
})

test("one letter that is wrong, missing or too many makes no word into another", () => {
  const close = words.flatMap((a, i) =>
    words
      .slice(i + 1)
      .filter((b) => oneApart(a, b))
      .map((b) => `${a} ${b}`),
  )
  assert.deepEqual(close, [])
})

function oneApart(a: string, b: string): boolean {
  let same = 0
  while (same < a.length && a[same] === b[same]) same++
  const [x, y] = [a.slice(same), b.slice(same)]
  return x.slice(1) === y.slice(1) || x === y.slice(1) || x.slice(1) === y
}

test("a new name is five of the words, is legal, and does not come again", () => {
  const names = Array.from({ length: 2000 }, newName)
  assert.equal(new Set(names).size, names.length)
  const known = new Set(words)
  for (const name of names) {
    assert.ok(isName(name), name)
    const parts = name.split("-")
    assert.equal(parts.length, 5, name)
    for (const word of parts) assert.ok(known.has(word), word)
  }
  // Of 10,000 words drawn evenly from 2,048 about 15 are left out; 60 is out of reach.
  assert.ok(new Set(names.flatMap((name) => name.split("-"))).size > words.length - 60)
})
