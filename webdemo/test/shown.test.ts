import assert from "node:assert/strict"
import { test } from "node:test"
import type { Participant } from "../../client/js/src/index.ts"
import { authorOf } from "../src/history/authors.ts"
import { beginningOf, firstOf } from "../src/look/beginning.ts"
import { colours } from "../src/people/colours.ts"
import { getMe, nameLength, setMe } from "../src/people/me.ts"
import { personOf } from "../src/people/roster.ts"

Object.assign(globalThis, { location: new URL("http://localhost/board/x") })

// The last character begins inside of what a name may have, and ends outside.
const names = ["👩🏽‍🚀", "🇩🇪", "e\u0301", "한", "𠮷"].map((last) => "x".repeat(nameLength - 1) + last)

test("a name that is too long ends where a character ends, wherever it is shown", () => {
  for (const name of names) {
    const whole = name.length <= nameLength ? name : "x".repeat(nameLength - 1)
    setMe({ name })
    assert.equal(getMe().name, whole)
    assert.equal(authorOf({ actor: "a", by: "" }, new Map([["a", { name }]])).name, whole)
    const participant = { state: { me: { name, colour: colours[0] } } } as unknown as Participant
    const shown = personOf("s", participant)
    assert.equal(shown?.name, whole)
  }
})

test("the beginning of a text has whole characters, and no more than it may", () => {
  for (const [text, most, want] of [
    ["abc", 3, "abc"],
    ["abcd", 3, "abc"],
    ["a😀", 2, "a"],
    ["a😀", 3, "a😀"],
    ["👨‍👩‍👧‍👦", 5, ""],
    ["", 5, ""],
  ] as const) {
    assert.equal(beginningOf(text, most), want, text)
  }
  for (const [text, want] of [
    ["👨‍👩‍👧 Ann", "👨‍👩‍👧"],
    ["🇩🇪", "🇩🇪"],
    ["ann", "a"],
    ["", ""],
  ] as const) {
    assert.equal(firstOf(text), want, text)
  }
})
