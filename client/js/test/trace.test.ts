import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { after, before, test } from "node:test"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { until } from "./harness/deadline.ts"
import { type Edit, edited, editsOr } from "./harness/edits.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"
import { type Random, seeded } from "./harness/seed.ts"

// Two people type one text in turns, in Chromium; others come late. BATON_TRACE names a file with a JSON list of
// edits, [place, deletions, inserted text…], to type that in place of seeded edits.

const turn = 1000
/** How long typing all may take, and until one has what another has typed, ms. */
const patience = 3_600_000
const stepPatience = 120_000

let fixtures: Fixtures
let relay: Relay
let browser: Browser

before(async () => {
  fixtures = await serveFixtures(["trace"])
  relay = await startRelay({ args: fixtures.relayArgs })
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await relay?.close()
  await fixtures?.close()
})

function made(random: Random): Edit[] {
  let length = 0
  return Array.from({ length: 2500 }, () => {
    const gone = random.below(5) === 0 ? Math.min(length, 1 + random.below(3)) : 0
    const come = String.fromCharCode(97 + random.below(26)).repeat(gone > 0 ? 0 : 1 + random.below(2))
    const at = random.below(length - gone + 1)
    length += come.length - gone
    return come === "" ? [at, gone] : [at, gone, come]
  })
}

/** Opens the document in a page with a network of its own, whose bytes are counted. */
async function open(format: string, context: BrowserContext, query = "", network?: TcpProxy) {
  const proxy = network ?? (await startProxy(relay.port))
  const url = `${fixtures.url}/trace.html?relay=${proxy.url}&doc=trace-${format}&format=${format}${query}`
  const { page, errors } = await newPage(context, url)
  page.setDefaultTimeout(patience)
  return { page, errors, proxy }
}

const typed = (page: Page, edits: Edit[]) =>
  page.evaluate((e) => (globalThis as unknown as { type(e: Edit[]): Promise<void> }).type(e), edits)

/** Waits until this is the text, and returns how long that took since the page opened it, ms. */
async function has(page: Page, text: string): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(async () => {
      reject(
        new Error(
          `waited in vain for ${text.length} characters; the page has ${await page.evaluate("standing()")}`,
        ),
      )
    }, stepPatience)
  })
  try {
    const sum = createHash("sha256").update(text).digest("hex")
    return await Promise.race([page.evaluate<number>(`opened(${text.length}, "${sum}")`), late])
  } finally {
    clearTimeout(timer)
  }
}

for (const format of ["automerge", "yjs"]) {
  test(`two type a text in turns, and late ones open it, over ${format}`, {
    timeout: 2 * patience,
  }, async (t) => {
    const edits = editsOr(() => made(seeded(t)))
    const want = edited("", edits)
    const contexts = await Promise.all([1, 2, 3, 4].map(() => browser.newContext()))
    t.after(() => Promise.all(contexts.map((context) => context.close())))
    const [one, two, three, four] = contexts as [
      BrowserContext,
      BrowserContext,
      BrowserContext,
      BrowserContext,
    ]
    const say = (what: string, ms: number, bytes: number) =>
      t.diagnostic(`${what}: ${Math.round(ms)} ms, ${bytes} bytes from the relay`)

    const a = await open(format, one, "&copy")
    const b = await open(format, two)
    await until(
      "both are live",
      async () =>
        (await a.page.evaluate("editor.document.status.state === 'live'")) &&
        b.page.evaluate("editor.document.status.state === 'live'"),
    )
    const began = performance.now()
    for (let n = 0, text = ""; n < edits.length; n += turn) {
      const part = edits.slice(n, n + turn)
      const [writer, reader] = (n / turn) % 2 === 0 ? [a, b] : [b, a]
      await typed(writer.page, part)
      for (const [at, gone, ...come] of part) text = text.slice(0, at) + come.join("") + text.slice(at + gone)
      await has(reader.page, text)
    }
    await Promise.all([a, b].map(({ page }) => page.evaluate("editor.document.saved.all()")))
    t.diagnostic(`${edits.length} edits typed and seen in ${Math.round(performance.now() - began)} ms`)
    t.diagnostic(`bytes from and to the relay: ${JSON.stringify([a.proxy.stats, b.proxy.stats])}`)
    for (const { page } of [a, b]) await has(page, want)
    const passing = await Promise.all([a, b].map(({ page }) => page.evaluate("passing()")))
    t.diagnostic(`another text had the right length ${passing.join(" and ")} times`)

    const info = `${relay.url}/v1/docs/trace-${format}`
    const newest = async () =>
      ((await (await fetch(info)).json()) as { snapshot?: { offset: number } }).snapshot?.offset
    let state = await newest()
    if (edits.length > 4000) assert.ok(state, "nobody has stored a state, though the relay asks for it")
    for (; state; state = await newest()) await fetch(`${info}/snapshots/${state}`, { method: "DELETE" })
    const replay = await open(format, three)
    say("full replay", await has(replay.page, want), replay.proxy.stats.toClient)

    await until("a state is stored", () => b.page.evaluate("editor.compact()"), { timeout: patience })
    await typed(b.page, [[0, 0, "!"]])
    await b.page.evaluate("editor.document.saved.all()")
    const late = await open(format, four)
    say("state and tail", await has(late.page, `!${want}`), late.proxy.stats.toClient)

    await has(a.page, `!${want}`)
    await until("the copy is written", () => new Promise((resolve) => setTimeout(() => resolve(true), 1500)))
    await a.page.close()
    const already = a.proxy.stats.toClient
    const copy = await open(format, one, "&copy", a.proxy)
    say("local copy", await has(copy.page, `!${want}`), a.proxy.stats.toClient - already)
    await until("it is live", () => copy.page.evaluate("editor.document.status.state === 'live'"))
    const bytes = a.proxy.stats.toClient - already
    t.diagnostic(`and ${bytes} bytes until it is live`)
    assert.ok(bytes < 4000, `${bytes} bytes came, though nothing was new`)

    for (const { page, errors, proxy } of [a, b, replay, late, copy]) {
      if (!page.isClosed()) assert.deepEqual(await page.evaluate("editor.problems"), [])
      assert.deepEqual(errors, [])
      await page.close()
      if (proxy !== a.proxy || page === copy.page) await proxy.close()
    }
  })
}
