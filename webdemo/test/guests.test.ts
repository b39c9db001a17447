import assert from "node:assert/strict"
import { test } from "node:test"
import { colours } from "../src/people/colours.ts"
import { guestOf } from "../src/text/guests.ts"

const [colour] = colours
const shown = (user: unknown, cursor?: unknown) =>
  guestOf("s", { state: { awareness: { client: 5, state: { user, cursor } } } })

test("a guest in order has a name, a colour and a cursor", () => {
  const at = { type: null, tname: null, item: { client: 7, clock: 3 }, assoc: 0 }
  const end = { tname: "text" }
  const { user, cursor } = shown({ name: "Ann", color: colour }, { anchor: at, head: end })
  assert.equal(user?.name, "Ann")
  assert.ok(user?.color.startsWith(colour as string))
  assert.deepEqual(cursor, { anchor: at, head: { type: null, tname: "text", item: null, assoc: 0 } })
})

test("a name ends no comment and no style", () => {
  const { user } = shown({ name: "*/;position:fixed;/*\ud800", color: colour })
  assert.match(user?.color ?? "", /^#[0-9a-f]{6}\/\*[^*;/]*(\*[^*;/]+)*\*\/$/)
})

test("colours that are not ours, and what is no user, show nobody", () => {
  for (const user of [null, 1, "x", {}, { name: "Eve", color: "red" }, { color: `${colour};inset:0` }]) {
    assert.deepEqual(shown(user), {})
  }
  for (const awareness of [null, 1, "x", {}, { state: null }]) {
    assert.deepEqual(guestOf("s", { state: { awareness } }), {})
  }
  assert.deepEqual(guestOf("s", {}), {})
})

test("a cursor that is nowhere is none", () => {
  const good = { tname: "text" }
  for (const bad of [
    null,
    1,
    "x",
    {},
    [],
    { tname: "people" },
    { type: { client: 1, clock: 1 } },
    { item: 1 },
    { item: {} },
    { item: { client: -1, clock: 0 } },
    { item: { client: 1, clock: 0.5 } },
    { item: { client: "1", clock: 0 } },
  ]) {
    assert.equal(shown({ color: colour }, { anchor: bad, head: good }).cursor, undefined)
    assert.equal(shown({ color: colour }, { anchor: good, head: bad }).cursor, undefined)
  }
  assert.equal(shown({ color: colour }, null).cursor, undefined)
})
