import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { authorOf } from "../src/history/authors.ts"
import type { Moment } from "../src/history/log.ts"
import { barsOf, speedFor, speeds, Timeline } from "../src/history/timeline.ts"
import { colours } from "../src/people/colours.ts"

const momentsAt = (times: number[]): Moment[] =>
  times.map((at, i) => ({ offset: i + 1, actor: "ann", seq: i + 1, at }))

test("pauses are short, and moments at the same time are apart", () => {
  const timeline = new Timeline(momentsAt([1000, 1000, 1300, 90_000_000]))
  const places = [0, 1, 2, 3, 4].map((index) => timeline.placeOf(index))
  assert.deepEqual(
    places.slice(1).map((place, i) => place - (places[i] as number)),
    [250, 20, 300, 1500],
  )
})

test("each moment is found at its place, and up to that of the next", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5000 }), { maxLength: 50 }), (gaps) => {
      let at = 0
      const timeline = new Timeline(momentsAt(gaps.map((gap) => (at += gap))))
      for (let index = 0; index <= timeline.end; index++) {
        assert.equal(timeline.indexAt(timeline.placeOf(index)), index)
        if (index > 0) assert.equal(timeline.indexAt(timeline.placeOf(index) - 1), index - 1)
      }
      assert.equal(timeline.indexAt(timeline.length + 1), timeline.end)
    }),
  )
})

test("the bars count every moment once", () => {
  const moments = momentsAt(Array.from({ length: 500 }, (_, i) => i * i))
  const bars = barsOf(moments, new Timeline(moments), 40, ({ seq }) => (seq % 2 ? "red" : "blue"))
  const sum = bars.flatMap((bar) => [...bar.values()]).reduce((a, b) => a + b, 0)
  assert.equal(sum, 500)
  assert.equal(bars.length, 40)
})

test("the first speed shows a short history as it was, and a long one in a while", () => {
  assert.equal(speedFor(new Timeline(momentsAt([0, 100]))), 1)
  const long = new Timeline(momentsAt(Array.from({ length: 1000 }, (_, i) => i * 200)))
  assert.ok(long.length / speedFor(long) <= 20_000)
  const endless = new Timeline(momentsAt(Array.from({ length: 100_000 }, (_, i) => i * 2000)))
  assert.equal(speedFor(endless), speeds.at(-1))
})

test("an author is who they say, unless a token says better, and never what breaks a page", () => {
  const people = new Map<string, unknown>([
    ["a", { name: "Ann", colour: colours[1] }],
    ["b", { name: { toString: 1 }, colour: "red;position:fixed" }],
    ["c", null],
    ["d", { name: "x".repeat(999) }],
  ])
  assert.deepEqual(authorOf({ actor: "a" }, people), { name: "Ann", colour: colours[1] })
  assert.equal(authorOf({ actor: "a", by: "ann@example" }, people).name, "ann@example")
  for (const actor of ["b", "c", "nobody"]) {
    const { name, colour } = authorOf({ actor }, people)
    assert.equal(name, "Somebody")
    assert.ok(colours.includes(colour))
  }
  assert.equal(authorOf({ actor: "d" }, people).name.length, 40)
})
