import assert from "node:assert/strict"
import { test } from "node:test"
import * as A from "@automerge/automerge/slim"
import { type Random, seeded } from "../../client/js/test/harness/seed.ts"
import { plainOf } from "../src/binding/schema.ts"
import { stopClock } from "./harness/clock.ts"
import { User } from "./harness/editor.ts"
import { Net } from "./harness/replicas.ts"

const walks = Number(process.env.BATON_WALKS ?? 12)
const steps = 250

test("three who do anything to anything see the same when all has arrived", async (t) => {
  const random = seeded(t)
  const clock = stopClock(t)
  let most = 0
  for (let walk = 0; walk < walks; walk++) {
    const net = new Net()
    const users = [1, 2, 3].map(() => new User(net.join()))
    for (let step = 0; step < steps; step++) {
      act(random.pick(users), random)
      if (random.below(3) === 0) clock.pass(random.below(80))
      if (random.below(4) === 0) {
        // Of what may come, some comes: what one person has sent, or a little of all.
        const from = random.pick(users).board
        random.pick(users).board.receive((sent) => sent.from === from || random.below(4) === 0)
      }
      if (random.below(50) === 0) random.pick(users).board.claims = net.log.slice(-5)
      await Promise.resolve()
    }
    for (const user of users) user.hold()
    for (let round = 0; round < 5; round++) {
      clock.pass(1000)
      await net.deliverAll()
    }
    const where = `walk ${walk} of seed ${random.seed}`
    const sent = net.log.length
    clock.pass(1000)
    await net.deliverAll()
    assert.equal(net.log.length, sent, `${where}: nobody writes any more`)
    const [first, ...others] = users.map(look)
    for (const other of others) assert.deepEqual(other, first, where)
    for (const user of users) {
      assert.ok(user.scene.settled, where)
      assert.deepEqual(user.told, [], where)
    }
    const late = net.join()
    late.receive()
    assert.deepEqual(look(new User(late)), first, `${where}: who comes late sees the same`)
    most = Math.max(most, first?.scene.length ?? 0)
  }
  assert.ok(most > 20, `the walks made no more than ${most} elements`)
})

/** What somebody has before them, and what it was made of. */
function look(user: User) {
  return {
    heads: A.getHeads(user.board.doc).sort(),
    scene: user
      .elements()
      .flatMap((e) => (e.isDeleted ? [] : [`${e.id} ${JSON.stringify([...plainOf(e)])}`])),
  }
}

/** Does something that a person at an Excalidraw can do. */
function act(user: User, random: Random): void {
  const all = user.elements()
  const number = () => random.below(4000) / 8
  const make = () => {
    const type = random.pick(["rectangle", "text", "freedraw", "arrow"])
    const text = type === "text" ? { text: "-", originalText: "-" } : {}
    const points = /freedraw|arrow/.test(type) ? { points: [[0, 0], [number(), number()]] } : {} // biome-ignore format: short
    user.draw(type, { x: number(), y: number(), ...text, ...points })
  }
  if (all.length === 0 || random.below(8) === 0) return make()
  const element = random.pick(all)
  const { id, type } = element
  switch (random.below(13)) {
    case 0:
      return user.edit(id, { x: number(), y: number() })
    case 1:
      return user.edit(id, { x: number() })
    case 2:
      return user.edit(id, { strokeColor: random.pick(["#111111", "#e03131", "#1971c2"]) })
    case 3:
      return type === "freedraw" ? undefined : user.edit(id, { width: number(), angle: random.below(6) })
    case 4:
      return user.edit(id, { isDeleted: random.below(2) === 0 })
    case 5:
      if (!("points" in element)) return undefined
      return user.edit(id, { points: [...(element.points as number[][]), [number(), number()]] })
    case 6:
    case 7:
      if (!("originalText" in element)) return undefined
      return user.type(id, (text) => {
        const [letter, at] = [random.pick([..."abcd"]), random.below(text.length + 1)]
        return text.slice(0, at) + letter + text.slice(random.below(3) === 0 ? at + 1 : at)
      })
    case 8:
      return user.edit(id, { groupIds: [random.pick(["g1", "g2"])] })
    case 9:
      return user.toFront(id)
    case 10:
      return user.drag(id, random.pick(all).id)
    case 11:
      return user.hold()
    default: {
      const bound = { id: random.pick(all).id, type: "arrow" }
      const others = (element.boundElements ?? []).filter((b) => b.id !== bound.id)
      return user.edit(id, { boundElements: random.below(3) === 0 ? others : [...others, bound] })
    }
  }
}
