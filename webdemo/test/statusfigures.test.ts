import assert from "node:assert/strict"
import { test } from "node:test"
import type { RelayStatus } from "@baton-relay/client"
import { placeOfDocument } from "../src/link/link.ts"
import { line, Samples } from "../src/status/samples.ts"
import { bytes, count, rate, span } from "../src/status/words.ts"

/** An answer of a relay that was started at 0, and has taken so many ops by then. */
function answer(at: number, ops: number, started = 0): RelayStatus {
  return {
    ...{ version: "1", started, at, ready: true, draining: false, busiest: [] },
    ...{ sessions: 1, rooms: 1, participants: 2, catching_up: 0, lag: ops },
    totals: {
      ops,
      appends: 1,
      frames_out: 10 * ops,
      bytes_out: 100 * ops,
      rejects: { gap: ops, missing: 1 },
      closes: {},
    },
    go: { version: "go", processors: 1, goroutines: 1, memory_bytes: 2, heap_bytes: 1, gc_cycles: 0 },
  }
}

test("rates are what a total grew by, by the relay's own clock", () => {
  const samples = new Samples()
  samples.add(answer(1000, 5), 77_000)
  samples.add(answer(3000, 25), 78_000)
  samples.add(answer(3000, 30), 79_000)
  samples.add(answer(4000, 2, 3500), 80_000)
  samples.add(answer(5000, 8, 3500), 81_000)
  assert.deepEqual(
    samples.list.map(({ ops, frames, bytes, rejects }) => [ops, frames, bytes, rejects]),
    [
      [undefined, undefined, undefined, undefined],
      [10, 100, 1000, 10],
      [undefined, undefined, undefined, undefined], // no time has passed
      [undefined, undefined, undefined, undefined], // another relay
      [6, 60, 600, 6],
    ],
  )
  assert.equal(samples.list[0]?.log, undefined)
})

test("samples older than ten minutes are let go of", () => {
  const samples = new Samples()
  for (let s = 0; s < 3000; s++) samples.add(answer(s * 1000, s), s * 1000)
  assert.ok(samples.list.length >= 600 && samples.list.length < 620, `${samples.list.length} samples`)
  assert.equal(samples.span(2_999_000), 600_000)
})

test("the charts go back whole minutes, one at first", () => {
  const samples = new Samples()
  assert.equal(samples.span(5000), 60_000)
  samples.add(answer(0, 0), 1000)
  assert.equal(samples.span(5000), 60_000)
  assert.equal(samples.span(61_000), 60_000)
  assert.equal(samples.span(62_000), 120_000)
})

test("a line of ten minutes has a point for some seconds, with their mean or their peak", () => {
  const samples = new Samples()
  for (let s = 0; s < 600; s++) samples.add(answer(s * 1000, s % 4 === 3 ? 8 : 0), s * 1000)
  const mean = line(samples.list, (s) => s.lag, 600_000, false)
  const peaks = line(samples.list, (s) => s.lag, 600_000, true)
  assert.equal(mean.length, 150)
  assert.ok(mean.every(({ value }) => value === 2))
  assert.ok(peaks.every(({ value }) => value === 8))
  assert.equal(line(samples.list, (s) => s.lag, 60_000, false).length, 600)
  assert.ok(line(samples.list, () => undefined, 60_000, true).every(({ value }) => value === undefined))
})

test("figures are short, and say what they are of", () => {
  const said = (say: (n: number) => string, ...of: number[]) => of.map(say)
  assert.deepEqual(said(count, 0, 7, 48_211), ["0", "7", "48,211"])
  assert.deepEqual(said(rate, 0, 0.01, 0.05, 7, 14.25, 99.94, 99.96, 1204.4), [
    "0",
    "< 0.1",
    "0.1",
    "7.0",
    "14.3",
    "99.9",
    "100",
    "1,204",
  ])
  assert.deepEqual(said(bytes, 0, 999, 999.6, 1000, 33_554_432, 150e6, 2.5e12, 4e15), [
    "0 B",
    "999 B",
    "1.0 kB",
    "1.0 kB",
    "33.6 MB",
    "150 MB",
    "2.5 TB",
    "4,000 TB",
  ])
  assert.deepEqual(said(span, -5, 0, 59_999, 60_000, 3_661_000, 273_600_000, 86_400_000), [
    "0 s",
    "0 s",
    "59 s",
    "1 min 0 s",
    "1 h 1 min",
    "3 d 4 h",
    "1 d 0 h",
  ])
})

test("boards and texts have a page, and what other programs call their documents has none", () => {
  assert.deepEqual(placeOfDocument("board-kitchen-plans"), { kind: "board", name: "kitchen-plans" })
  assert.deepEqual(placeOfDocument("text-1"), { kind: "text", name: "1" })
  for (const other of ["notes", "board", "board-", "boards-x", "text--x", "text-a:b"]) {
    assert.equal(placeOfDocument(other), undefined, other)
  }
})
