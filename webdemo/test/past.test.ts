import assert from "node:assert/strict"
import { test } from "node:test"
import * as Y from "yjs"
import { seeded } from "../../client/js/test/harness/seed.ts"
import type { Log, Moment } from "../src/history/log.ts"
import { Past } from "../src/text/past.ts"

/** A text of several authors, whose log and states are known. */
class Story {
  readonly moments: Moment[] = []
  readonly states: string[] = [""]
  readonly docs = new Map<string, Y.Doc>()

  /** Lets an actor write; all others have it at once. */
  write(actor: string, change: (text: Y.Text) => void): void {
    const doc = this.docs.get(actor) ?? new Y.Doc()
    if (!this.docs.has(actor)) {
      for (const { payload } of this.moments) Y.applyUpdate(doc, Buffer.from(String(payload), "base64"))
      this.docs.set(actor, doc)
    }
    const before = Y.encodeStateVector(doc)
    change(doc.getText("text"))
    const update = Y.encodeStateAsUpdate(doc, before)
    for (const other of this.docs.values()) if (other !== doc) Y.applyUpdate(other, update)
    this.add(actor, Buffer.from(update).toString("base64"))
    this.states.push(doc.getText("text").toString())
  }

  add(actor: string, payload: unknown): void {
    const seq = this.moments.filter((moment) => moment.actor === actor).length + 1
    this.moments.push({ offset: this.moments.length + 1, actor, seq, at: this.moments.length * 100, payload })
  }

  get log(): Log {
    return { epoch: "e", moments: this.moments }
  }
}

test("every moment is found again, in whatever order one asks", async (t) => {
  const random = seeded(t)
  const story = new Story()
  for (let i = 0; i < 900; i++) {
    story.write(random.pick(["ann", "bob", "cy"]), (text) => {
      const at = random.below(text.length + 1)
      if (random.below(3) === 0 && text.length > at) text.delete(at, Math.min(3, text.length - at))
      else text.insert(at, random.pick(["a", "bc", "\n", "😀"]))
    })
  }
  const past = await Past.open(story.log)
  for (let i = 0; i < 300; i++) {
    const index = random.below(story.states.length)
    const { text, stretches } = past.at(index)
    assert.equal(text, story.states[index], `moment ${index}`)
    assert.equal(stretches.at(-1)?.to ?? 0, text.length)
  }
})

test("it says who wrote what, and what came last", async () => {
  const story = new Story()
  story.write("ann", (text) => text.insert(0, "hello"))
  story.write("bob", (text) => text.insert(5, " you"))
  story.write("bob", (text) => text.insert(9, "!"))
  story.write("ann", (text) => text.insert(2, "--"))
  const past = await Past.open(story.log)
  const said = ({ text, stretches }: ReturnType<Past["at"]>) =>
    stretches.map((s) => [text.slice(s.from, s.to), s.actor, s.new])
  assert.deepEqual(said(past.at(3)), [
    ["hello", "ann", false],
    [" you", "bob", false],
    ["!", "bob", true],
  ])
  assert.deepEqual(said(past.at(4)), [
    ["he", "ann", false],
    ["--", "ann", true],
    ["llo", "ann", false],
    [" you!", "bob", false],
  ])
})

test("what somebody sends again is not theirs", async () => {
  const story = new Story()
  story.write("ann", (text) => text.insert(0, "mine"))
  story.add("bob", story.moments[0]?.payload)
  const past = await Past.open(story.log)
  assert.deepEqual(
    past.at(2).stretches.map(({ actor }) => actor),
    ["ann"],
  )
})

test("a stored state stands in for what was pruned", async () => {
  const story = new Story()
  for (const word of ["a", "b", "c"]) story.write("ann", (text) => text.insert(text.length, word))
  const base = new Y.Doc()
  for (const { payload } of story.moments.slice(0, 2))
    Y.applyUpdate(base, Buffer.from(String(payload), "base64"))
  const state = Y.encodeStateAsUpdate(base)
  const past = await Past.open({ epoch: "e", base: { offset: 2, state }, moments: story.moments.slice(2) })
  assert.equal(past.at(0).text, "ab")
  assert.equal(past.at(1).text, "abc")
})

test("ops that are no updates, and those that were erased, change nothing", async () => {
  const story = new Story()
  story.write("ann", (text) => text.insert(0, "a"))
  for (const payload of [undefined, null, 1, {}, "*", "AAAA", "/////w==", ""]) story.add("eve", payload)
  const past = await Past.open(story.log)
  for (let i = 1; i <= story.moments.length; i++) assert.equal(past.at(i).text, "a")
})

test("reading it ends when it is told to", async () => {
  const story = new Story()
  for (let i = 0; i < 4000; i++) story.write("ann", (text) => text.insert(0, "x"))
  const ended = new AbortController()
  const reading = Past.open(story.log, { signal: ended.signal })
  ended.abort()
  await assert.rejects(reading, { name: "AbortError" })
})
