import assert from "node:assert/strict"
import { test } from "node:test"
import * as A from "@automerge/automerge/slim"
import fc from "fast-check"
import { seeded } from "../../client/js/test/harness/seed.ts"
import { elementOf, readPlain } from "../src/binding/element.ts"
import { type Board, kindsOf, plainOf, type Stored } from "../src/binding/schema.ts"
import { stopClock } from "./harness/clock.ts"
import { User } from "./harness/editor.ts"
import { Net } from "./harness/replicas.ts"

const types = ["rectangle", "text", "freedraw", "line", "arrow", "image", "frame", "embeddable", "selection"]
const names = [
  ...new Set(types.flatMap((type) => Object.keys(kindsOf(type) ?? {}))),
  "bound:x",
  "__proto__",
  "id",
]

/** What somebody may put where a value belongs. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e300, Number.NaN, Number.POSITIVE_INFINITY, "", [], {}),
  fc.constantFrom<unknown>(
    ["x"],
    [1, 2, 3],
    [1, "2"],
    [[0, 0]],
    new Date(0),
    new Uint8Array(3),
    new A.Counter(4),
  ),
  fc.string().map((text) => new A.ImmutableString(text)),
  fc
    .constantFrom<unknown>(
      [[0, 0]],
      [[0, 1e300]],
      [[1, 2, 3], null],
      { type: "x" },
      { elementId: "x" },
      [1, "a"],
      5,
    )
    .map((json) => new A.ImmutableString(JSON.stringify(json))),
  fc.constantFrom(...types, "a0", "a1", "zz", "!").map((word) => new A.ImmutableString(word)),
  fc.double(),
  fc.string(),
)

const element = fc.dictionary(fc.constantFrom(...names), value)

test("whatever an element holds, it becomes one that reads as itself, or none", (t) => {
  const { seed } = seeded(t)
  const typed = fc.tuple(fc.constantFrom(...types), element)
  fc.assert(
    fc.property(typed, ([type, props]) => {
      const plain = readPlain({ ...props, type: new A.ImmutableString(type) })
      if (!plain) return
      const made = elementOf("x", plain, undefined)
      for (const [name, prop] of Object.entries(made)) {
        if (typeof prop === "number") assert.ok(Number.isFinite(prop), `${name} is ${prop}`)
      }
      JSON.stringify({ ...made, versionNonce: 0, updated: 0, customData: null }, (name, n) => {
        assert.ok(typeof n !== "number" || Math.abs(n) <= 2 ** 32, `${name} is ${n}`)
        return n
      })
      const again = elementOf("x", plainOf(made), undefined)
      assert.deepEqual([...plainOf(again)], [...plainOf(made)])
    }),
    { seed, numRuns: 3000 },
  )
})

test("an index that Excalidraw cannot count on from is none", () => {
  const of = (index: string) => {
    const stored: Stored = { type: new A.ImmutableString("rectangle"), index: new A.ImmutableString(index) }
    const plain = readPlain(stored)
    return plain && elementOf("x", plain, undefined).index
  }
  for (const good of ["a0", "a1", "a0V", "Zz", "b00", "b10V", "Yzz1"]) assert.equal(of(good), good)
  for (const bad of [
    "",
    "!",
    "a",
    "b0",
    "a00",
    "a0V0",
    "a-",
    "0",
    `A${"0".repeat(26)}`,
    `a0${"V".repeat(5000)}`,
  ]) {
    assert.equal(of(bad), null, bad)
  }
})

test("a document that somebody fills with anything looks the same to all, throws nowhere, and can be drawn on", async (t) => {
  const { seed } = seeded(t)
  const clock = stopClock(t)
  const attack = fc.oneof(
    { weight: 6, arbitrary: fc.record({ id: fc.constantFrom("x", "y", "z"), element }) },
    { weight: 3, arbitrary: fc.record({ id: fc.constantFrom("x", "__proto__"), element: value }) },
    { weight: 3, arbitrary: fc.record({ mine: fc.nat(3), name: fc.constantFrom(...names), value }) },
    { weight: 1, arbitrary: fc.record({ root: fc.constantFrom("elements", "people"), value }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(attack, { maxLength: 12 }), async (attacks) => {
      const net = new Net()
      const [ann, bob, mallory] = [new User(net.join()), new User(net.join()), net.join()]
      const ids = [
        ann.draw("rectangle"),
        ann.draw("text", { text: "hello", originalText: "hello" }),
        ann.draw("freedraw", { points: [[0, 0], [1, 1]] }), // biome-ignore format: points
        ann.draw("arrow", { points: [[0, 0], [1, 1]] }), // biome-ignore format: points
      ]
      ann.scene.flush()
      await net.deliverAll()
      const meet = async () => {
        for (let i = 0; i < 3; i++) {
          clock.pass(1000)
          await net.deliverAll()
        }
      }
      for (const one of attacks) {
        try {
          mallory.change((d) => {
            const board = d as unknown as Record<string, Record<string, Stored>>
            if ("root" in one) board[one.root] = one.value as Record<string, Stored>
            else if ("id" in one) (board.elements as Stored)[one.id] = one.element
            else (board.elements?.[ids[one.mine] as string] as Stored)[one.name] = one.value
          })
        } catch {
          continue // Automerge itself does not take it
        }
        await meet()
        for (const user of [ann, bob]) {
          const [some] = user.elements()
          if (some && !some.isDeleted) user.edit(some.id, { x: 5, strokeColor: "#123456" })
          const stroke = user.elements().find(({ type }) => type === "freedraw")
          if (stroke) {
            user.edit(stroke.id, {
              points: [...(stroke as unknown as { points: number[][] }).points, [7, 7]],
            })
          }
        }
        await meet()
      }
      const drawn = bob.draw("rectangle", { x: 321 })
      await meet()
      assert.equal(ann.the(drawn).x, 321, "one can still draw")
      const late = net.join()
      late.receive()
      const look = (user: User) =>
        user.elements().flatMap((e) => (e.isDeleted ? [] : [`${e.id} ${JSON.stringify([...plainOf(e)])}`]))
      assert.deepEqual(look(bob), look(ann))
      assert.deepEqual(look(new User(late)), look(ann), "who comes late sees the same")
      const sent = net.log.length
      await meet()
      assert.equal(net.log.length, sent, "nobody writes any more")
    }),
    { seed, numRuns: Number(process.env.BATON_WALKS ?? 12) * 15 },
  )
})

test("a board whose roots somebody took away can be opened and drawn on", async (t) => {
  const clock = stopClock(t)
  const net = new Net()
  const mallory = net.join()
  mallory.change((d) => {
    const board = d as Partial<Board>
    delete board.elements
    delete board.people
  })
  await net.deliverAll()
  const ann = new User(net.join())
  ann.board.receive()
  const id = ann.draw("rectangle")
  clock.pass(1000)
  await net.deliverAll()
  assert.ok(ann.has(id))
  assert.deepEqual(Object.keys(mallory.doc.elements), [id])
  assert.deepEqual(ann.told, [])
})
