import assert from "node:assert/strict"
import { test } from "node:test"
import { Seen, toVector } from "../src/clock.ts"
import type { RejectFrame } from "../src/frames.ts"
import { OwnOps } from "../src/own.ts"
import { type Random, seeded } from "./harness/seed.ts"

type Answer = (own: OwnOps) => void
type Reject = Omit<RejectFrame, "type" | "doc" | "message">

/** A relay that refuses as it likes, and answers as the protocol says. */
class Relay {
  readonly log: string[] = []
  readonly clock = new Map<string, number>()
  #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  take(texts: string[]): Answer[] {
    const answers: Answer[] = []
    const refused = new Set<string>()
    const moody = this.#random.below(3) === 0
    for (const text of texts) {
      const { actor, seq, clock } = JSON.parse(text) as {
        actor: string
        seq: number
        clock: Record<string, number>
      }
      const reject = (more: Omit<Reject, "actor" | "seq">) => {
        refused.add(actor)
        answers.push((own) => own.rejected({ actor, seq, message: "", ...more }))
      }
      const expected = (this.clock.get(actor) ?? 0) + 1
      const missing = Object.entries(clock).filter(([other, n]) => (this.clock.get(other) ?? 0) < n)
      if (seq < expected) answers.push((own) => own.acked(actor, seq))
      else if (seq > expected) {
        if (!refused.has(actor)) reject({ code: "gap", expected })
      } else if (missing.length > 0) reject({ code: "missing", missing: Object.fromEntries(missing) })
      else if (moody && this.#random.below(2) === 0)
        reject({ code: "rate_limited", retry_ms: this.#random.below(300) })
      else {
        this.clock.set(actor, seq)
        this.log.push(text)
        answers.push((own) => own.acked(actor, seq))
      }
    }
    return answers
  }
}

test("whatever the relay refuses and a cut loses, each op is logged once, and none is forgotten", (t) => {
  const random = seeded(t)
  t.mock.timers.enable({ apis: ["Date"], now: 1000 })
  for (let round = 0; round < 400; round++) {
    const own = new OwnOps(new Seen(new Map(), new Map()))
    const relay = new Relay(random)
    const want = new Set<string>()
    const names = ["alice", "bob", "carol"]
    let made = 0
    let waiting: Answer[] = []
    const make = () => {
      const actor = names[random.below(3)] ?? ""
      const seq = (own.outbox.writers.get(actor)?.made ?? 0) + 1
      // As a format does that names its changes: it follows from some of what was made here.
      const others = names.filter(
        (name) => name !== actor && own.outbox.writers.has(name) && random.below(2) > 0,
      )
      const clock = Object.fromEntries(others.map((name) => [name, own.outbox.writers.get(name)?.made ?? 0]))
      own.append(made++, { actor, seq, clock }, undefined, undefined)
      want.add(`${actor}:${seq}`)
    }
    // What dead tabs left comes in any order: here the first follows from the second.
    const adopt = () => {
      for (const actor of ["older", "dead"]) {
        const ops = [1, 2, 3].map((seq) => {
          want.add(`${actor}:${seq}`)
          const clock = actor === "dead" ? { older: seq } : {}
          return { seq, text: JSON.stringify({ actor, seq, clock, payload: 0 }) }
        })
        own.outbox.adopt({ actor, made: 3, named: undefined, epoch: "", tab: "", ops }, "")
      }
    }
    const steps = 20 + random.below(60)
    const adoptAt = random.below(steps)
    for (let step = 0; step < steps || own.saved.pending > 0; step++) {
      assert.ok(step < 5000, `it does not go on: round ${round}, ${own.saved.pending} ops are left`)
      if (step < steps && random.below(2) > 0) make()
      if (step === adoptAt) adopt()
      t.mock.timers.tick(random.below(200))
      const sent = own.outbox.take(Date.now(), 1 + random.below(6), 1 << 20)
      if (sent.length > 0) waiting.push(...relay.take(sent.map(({ text }) => text)))
      for (let n = random.below(waiting.length + 1); n > 0; n--) waiting.shift()?.(own)
      if (step < steps && random.below(15) === 0) {
        waiting = []
        own.outbox.reset()
      }
    }
    assert.equal(own.refusal, undefined)
    const got = relay.log.map((text) => {
      const { actor, seq } = JSON.parse(text) as { actor: string; seq: number }
      return `${actor}:${seq}`
    })
    assert.deepEqual([...got].sort(), [...want].sort())
    assert.deepEqual(own.outbox.logged(toVector(Object.fromEntries(relay.clock))), relay.clock)
  }
})

test("nobody goes on as an actor that an application named: others may have it too", () => {
  const seen = new Seen(new Map(), new Map())
  const left = { made: 1, epoch: "", tab: "dead", ops: [] }
  for (const actor of ["shared", "earlier"]) seen.made({ actor, seq: 1 })
  seen.live = true
  const own = new OwnOps(seen)
  own.outbox.adopt({ ...left, actor: "shared", named: true }, "")
  own.outbox.adopt({ ...left, actor: "earlier", named: undefined }, "")
  assert.equal(own.writer().actor, "earlier")
  const other = new OwnOps(seen)
  other.outbox.adopt({ ...left, actor: "shared", named: true }, "")
  assert.notEqual(other.writer().actor, "shared")
  other.append(1, { actor: "another", seq: 1 }, undefined, undefined)
  assert.equal(other.outbox.writers.get("another")?.named, true)
})
