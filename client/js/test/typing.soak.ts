// One person types a long text into CodeMirror, edit by edit, in Chromium, over a relay with its default limits. Nobody
// else is there and no tool helps: the document must stay quick to open all the same.
//
// BATON_TRACE names a JSON list of edits, [place, deletions, inserted text…], to type that in place of seeded edits.

import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { join } from "node:path"
import { after, before, type TestContext, test } from "node:test"
import type { Browser, Page } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { type Edit, edited, editsOr } from "./harness/edits.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { startProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"
import { type Random, seeded } from "./harness/seed.ts"

/** How many edits a second, which is just below what the relay takes of one session. */
const pace = 190
/** After how many edits the person pauses until all is saved. */
const breath = 250
/** After how many edits it is measured how the document opens, beside at the end. */
const measureAt = [2500, 25_000, 137_155]
/** The relay asks for a state when 2,000 ops have followed the newest, but never twice in 30 s; and ops come meanwhile. */
const mostBehind = 2000 + 30 * pace + 2 * breath

interface Info {
  head: number
  bytes: number
  snapshot?: { offset: number; bytes: number }
}

let fixtures: Fixtures
let relay: Relay
let browser: Browser

before(async () => {
  fixtures = await serveFixtures(["codemirror"])
  relay = await startRelay({ args: fixtures.relayArgs })
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await relay?.close()
  await fixtures?.close()
})

function made(random: Random): Edit[] {
  let [at, length] = [0, 0]
  return Array.from({ length: 10_000 }, () => {
    if (random.below(40) === 0) at = random.below(length + 1) // writes on elsewhere
    if (at > 0 && random.below(8) === 0) {
      length--
      return [--at, 1]
    }
    length++
    return [at++, 0, "etaoin shrdlu\n"[random.below(14)] as string]
  })
}

/** Opens the document in a profile of its own, and returns the page once all of it is there, and what that took. */
async function open(name: string, text: string) {
  const proxy = await startProxy(relay.port)
  const context = await browser.newContext()
  const query = new URLSearchParams({ relay: proxy.url, name, user: "Ann" })
  const { page, errors } = await newPage(context, `${fixtures.url}/codemirror.html?${query}`)
  const ms = await page.evaluate(async (length) => {
    while (!(provider.synced && view.state.doc.length === length)) await new Promise((f) => setTimeout(f, 5))
    return performance.now()
  }, text.length)
  assert.ok((await page.evaluate("view.state.sliceDoc()")) === text, "another text is there")
  const close = async () => {
    assert.deepEqual(errors, [])
    await context.close()
    await proxy.close()
  }
  return { page, ms: Math.round(ms), bytes: proxy.stats.toClient, close }
}

// What the page has for its console.
declare const provider: { synced: boolean; document: { saved: { pending: number; all(): Promise<void> } } }
declare const view: {
  state: { doc: { length: number }; sliceDoc(): string }
  dispatch(spec: object): void
}

async function type(page: Page, edits: Edit[]): Promise<void> {
  await page.evaluate(
    async ([edits, pace]) => {
      const began = performance.now()
      for (const [n, [at, gone, ...come]] of edits.entries()) {
        const insert = come.join("")
        const userEvent = gone > 0 ? "delete.backward" : "input.type"
        view.dispatch({
          changes: { from: at, to: at + gone, insert },
          selection: { anchor: at + insert.length },
          userEvent,
        })
        await null // each edit is an op
        const due = began + (1000 * (n + 1)) / pace
        if (n % 10 === 9 || performance.now() < due) {
          await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
        }
      }
      await provider.document.saved.all()
    },
    [edits, pace] as const,
  )
}

/** Says how large everything is, and how long it takes to open it in a browser that never saw it. */
async function measure(t: TestContext, name: string, text: string, edits: number): Promise<Info> {
  const info: Info = await (await fetch(`${relay.url}/v1/docs/${name}`)).json()
  const { offset = 0, bytes: size = 0 } = info.snapshot ?? {}
  const log = statSync(join(relay.dir, "oplog.db")).size
  const opened: string[] = []
  for (let n = 0; n < 3; n++) {
    const { ms, bytes, close } = await open(name, text)
    opened.push(`${ms} ms and ${bytes} bytes from the relay`)
    await close()
  }
  t.diagnostic(
    `${edits} edits, ${text.length} characters: ${info.head} ops of ${info.bytes} bytes, log ${log} bytes, ` +
      `state of ${size} bytes at ${offset}; opened three times in ${opened.join(", ")}`,
  )
  return info
}

test("one person types a long text alone, and it stays quick to open", { timeout: 10_800_000 }, async (t) => {
  const edits = editsOr(() => made(seeded(t)))
  const name = "typed"
  const writer = await open(name, "")
  writer.page.setDefaultTimeout(0)
  // Not drawn: the browser lays a long line out anew at each key, which takes it 20 times as long as all the rest.
  await writer.page.evaluate("document.body.hidden = true")
  let text = ""
  for (let n = 0; n < edits.length; ) {
    const stop = Math.min(edits.length, n + breath, ...measureAt.filter((at) => at > n))
    const part = edits.slice(n, stop)
    await type(writer.page, part)
    text = edited(text, part)
    n = stop
    if (!measureAt.includes(n) && n < edits.length) continue
    const { head, snapshot } = await measure(t, name, text, n)
    const behind = head - (snapshot?.offset ?? 0)
    assert.ok(behind <= mostBehind, `the newest state is ${behind} ops behind`)
  }
  await writer.close()

  // The same without any state, to compare: the first who opens it stores one.
  const url = `${relay.url}/v1/docs/${name}`
  for (let states = 0; ; states++) {
    const { snapshot }: Info = await (await fetch(url)).json()
    if (!snapshot) {
      t.diagnostic(`${states} states were stored`)
      break
    }
    await fetch(`${url}/snapshots/${snapshot.offset}`, { method: "DELETE" })
  }
  await measure(t, name, text, edits.length)
})
