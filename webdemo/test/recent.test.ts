import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import { forget, onRecent, recent, remember } from "../src/recent/recent.ts"

/** A browser's storage of a site, which holds so many characters. */
class FakeStorage {
  room = 5_000_000
  broken = false
  items = new Map<string, string>()

  getItem(key: string): string | null {
    if (this.broken) throw new Error("denied")
    return this.items.get(key) ?? null
  }

  setItem(key: string, value: string): void {
    if (this.broken || value.length > this.room) throw new Error("QuotaExceededError")
    this.items.set(key, value)
  }
}

let storage: FakeStorage
const page = new EventTarget()
Object.assign(globalThis, {
  addEventListener: page.addEventListener.bind(page),
  removeEventListener: page.removeEventListener.bind(page),
})

beforeEach(() => {
  storage = new FakeStorage()
  Object.assign(globalThis, { localStorage: storage })
  for (const entry of recent()) forget(entry)
})

const stored = () => JSON.parse(storage.items.get("baton.recent") ?? "[]")
const names = () => recent().map(({ name }) => name)
const picture = (size: number) => `data:image/png;base64,${"A".repeat(size)}`

test("the one that was open last comes first, and what is not said of it again stays", () => {
  remember({ kind: "board", name: "a", title: "A", thumbnail: picture(1), at: 1 })
  remember({ kind: "text", name: "a", at: 2 })
  remember({ kind: "board", name: "a", at: 3 })
  assert.deepEqual(recent(), [
    { kind: "board", name: "a", title: "A", thumbnail: picture(1), at: 3 },
    { kind: "text", name: "a", at: 2 },
  ])
  remember({ kind: "board", name: "a", title: "B", thumbnail: undefined })
  assert.deepEqual([recent()[0]?.title, recent()[0]?.thumbnail], ["B", picture(1)])
})

test("24 are kept", () => {
  for (let i = 0; i < 30; i++) remember({ kind: "board", name: `b${i}`, at: i })
  assert.equal(recent().length, 24)
  assert.deepEqual([names()[0], names()[23]], ["b29", "b6"])
  assert.equal(stored().length, 24)
})

test("pictures have so much room in all, and the oldest make room for the newest", () => {
  for (let i = 0; i < 10; i++) remember({ kind: "board", name: `b${i}`, thumbnail: picture(90_000), at: i })
  assert.deepEqual(
    recent().map(({ thumbnail }) => thumbnail !== undefined),
    [true, true, true, true, true, true, false, false, false, false],
  )
  assert.ok((storage.items.get("baton.recent")?.length ?? 0) <= 600_000)
  remember({ kind: "board", name: "huge", thumbnail: picture(100_001) })
  assert.equal(recent()[0]?.thumbnail, undefined)
})

test("a full storage takes what it can hold, the documents before their pictures", () => {
  storage.room = 30_000
  for (let i = 0; i < 5; i++) remember({ kind: "board", name: `b${i}`, thumbnail: picture(10_000), at: i })
  assert.deepEqual(names(), ["b4", "b3", "b2", "b1", "b0"])
  assert.equal(recent().filter(({ thumbnail }) => thumbnail).length, 2)
  assert.deepEqual(stored(), recent())
})

test("where nothing can be stored, the list holds for the page", () => {
  storage.room = 0
  remember({ kind: "board", name: "a", at: 1 })
  assert.deepEqual(names(), ["a"])
  storage.broken = true
  remember({ kind: "board", name: "b", thumbnail: picture(9), at: 2 })
  assert.deepEqual(names(), ["b", "a"])
  assert.ok(recent()[0]?.thumbnail)
  forget({ kind: "board", name: "a" })
  assert.deepEqual(names(), ["b"])
})

test("what is damaged is left out", () => {
  const sound = { kind: "text", name: "sound", at: 5, title: "T", thumbnail: "# T" }
  for (const [text, want] of [
    ["{", []],
    ["null", []],
    ['"text"', []],
    [
      JSON.stringify([null, 1, "x", [], {}, { ...sound, kind: "x" }, { ...sound, name: "../x" }, sound]),
      [sound],
    ],
    [
      JSON.stringify([
        { ...sound, at: "5" },
        { ...sound, at: 1e300 },
        { ...sound, at: null },
      ]),
      [],
    ],
    [JSON.stringify([{ ...sound, title: 7, thumbnail: {} }]), [{ kind: "text", name: "sound", at: 5 }]],
    [
      JSON.stringify([{ kind: "board", name: "b", at: 1, thumbnail: "https://example.org/spy.png" }]),
      [{ kind: "board", name: "b", at: 1 }],
    ],
  ] as const) {
    storage.items.set("baton.recent", text)
    assert.deepEqual(recent(), want, text)
  }
})

test("the list is the same object until it changes, here or in another tab, which is said", () => {
  remember({ kind: "board", name: "a", at: 1 })
  let told = 0
  const stop = onRecent(() => told++)
  const before = recent()
  assert.equal(recent(), before)
  remember({ kind: "board", name: "b", at: 2 })
  assert.equal(told, 1)
  assert.notEqual(recent(), before)
  const elsewhere = (key: string | null) => page.dispatchEvent(Object.assign(new Event("storage"), { key }))
  storage.items.set("baton.recent", JSON.stringify([{ kind: "text", name: "c", at: 3 }]))
  elsewhere("baton.recent")
  assert.equal(told, 2)
  assert.deepEqual(names(), ["c"])
  elsewhere("other")
  assert.equal(told, 2)
  storage.items.clear()
  elsewhere(null)
  assert.equal(told, 3)
  assert.deepEqual(recent(), [])
  stop()
  elsewhere("baton.recent")
  forget({ kind: "text", name: "c" })
  assert.equal(told, 3)
})
