import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { until } from "./harness/deadline.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { Peer } from "./harness/peer.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

let fixtures: Fixtures
let relay: Relay
let proxy: TcpProxy
let browser: Browser

before(async () => {
  fixtures = await serveFixtures(["outbox"])
  relay = await startRelay({ args: fixtures.relayArgs })
  proxy = await startProxy(relay.port)
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await proxy?.close()
  await relay?.close()
  await fixtures?.close()
})

/** A browser profile, and the pages that it has of one document. */
async function profile(t: { after(f: () => unknown): void }, doc: string, site = fixtures.url, query = "") {
  const context: BrowserContext = await browser.newContext()
  t.after(() => context.close())
  return {
    context,
    open: async (more = "") => {
      const url = `${site}/outbox.html?relay=${proxy.url}&doc=${doc}${query}${more}`
      return (await newPage(context, url)).page
    },
  }
}

const call = <T>(page: Page, what: string): Promise<T> => page.evaluate(what)
const live = (page: Page) =>
  until("the page is live", async () => (await call<{ state: string }>(page, "standing()")).state === "live")

/** What the relay has of a document. */
async function logged(doc: string): Promise<{ payloads: unknown[]; actors: string[] }> {
  const headers = { Accept: "application/x-ndjson" }
  const answer = await fetch(`${relay.url}/v1/docs/${doc}/ops`, { headers })
  const lines = answer.ok ? (await answer.text()).split("\n").filter((line) => line !== "") : []
  const ops = lines.map((line) => JSON.parse(line) as { payload: unknown; actor: string })
  return { payloads: ops.map((op) => op.payload), actors: [...new Set(ops.map((op) => op.actor))] }
}

function offline(t: { after(f: () => unknown): void }): () => void {
  proxy.refuse(true)
  proxy.cut()
  t.after(() => proxy.refuse(false))
  return () => proxy.refuse(false)
}

for (const secure of [true, false]) {
  describe(secure ? "in a secure context, with Web Locks" : "in an insecure context, with a lease", () => {
    const site = () => (secure ? fixtures.url : fixtures.insecureUrl)
    const name = (doc: string) => `${doc}-${secure}`

    test("the next tab sends what a closed one had not, shows it, and takes up its actor", async (t) => {
      const doc = name("closed")
      const { open } = await profile(t, doc, site())
      const first = await open()
      await call(first, "append(0).length && saved()")
      const online = offline(t)
      const actor = await call(first, "append(1)")
      await call(first, "append(2)")
      await first.close({ runBeforeUnload: false })
      const second = await open()
      // An op that was not durable follows from one that this page lacks: it comes when the relay is there.
      assert.deepEqual(await call(second, "came()"), [])
      online()
      await until("all is there", async () => (await logged(doc)).payloads.length === 3)
      await until("the page has it", async () => (await call<unknown[]>(second, "came()")).length === 3)
      assert.deepEqual(await call(second, "came()"), [0, 1, 2])
      await live(second)
      assert.equal(await call(second, "append(3)"), actor)
      await call(second, "saved()")
      assert.deepEqual((await logged(doc)).payloads, [0, 1, 2, 3])
    })

    test("reloads leave one actor", async (t) => {
      const doc = name("reloads")
      const { open } = await profile(t, doc, site())
      const page = await open()
      for (let n = 0; n < 4; n++) {
        await live(page)
        await until("earlier ops came", async () => (await call<unknown[]>(page, "came()")).length === n)
        await call(page, `append(${n}).length && saved()`)
        await page.reload()
      }
      assert.deepEqual(await logged(doc).then((l) => [l.payloads, l.actors.length]), [[0, 1, 2, 3], 1])
    })

    test("two tabs write as two actors, and each keeps its own", async (t) => {
      const doc = name("two")
      const { open } = await profile(t, doc, site())
      const [a, b] = [await open(), await open()]
      await live(a)
      await live(b)
      for (let n = 0; n < 3; n++) await Promise.all([call(a, `append("a${n}")`), call(b, `append("b${n}")`)])
      await Promise.all([call(a, "saved()"), call(b, "saved()")])
      const { payloads, actors } = await logged(doc)
      assert.equal(payloads.length, 6)
      assert.equal(actors.length, 2)
      assert.deepEqual([await call(a, "problems()"), await call(b, "problems()")], [[], []])
    })
  })
}

test("what a crashed tab had not sent is sent by the next", async (t) => {
  const { open } = await profile(t, "crash")
  const page = await open()
  await live(page)
  const online = offline(t)
  await call(page, "append('before the crash')")
  const crashed = page.waitForEvent("crash")
  await page.goto("chrome://crash").catch(() => {})
  await crashed
  await open()
  online()
  await until("it is there", async () => (await logged("crash")).payloads.length === 1)
})

test("a tab that stays takes over from one that dies", async (t) => {
  const { open } = await profile(t, "survivor")
  const stays = await open()
  const dies = await open()
  await live(stays)
  await live(dies)
  const online = offline(t)
  await call(dies, "append('last words')")
  await dies.close()
  online()
  await until("it is there", async () => (await logged("survivor")).payloads.length === 1, {
    timeout: 20_000,
  })
})

test("another's log-in does not send what the first could not", async (t) => {
  const rights = { "private-*": ["read" as const, "write" as const, "presence" as const] }
  const guarded = await startRelay({
    args: fixtures.relayArgs,
    tokens: ["alice", "bob"].map((who) => ({ token: `t-${who}`, subject: who, docs: rights })),
  })
  const network = await startProxy(guarded.port)
  t.after(() => network.close().then(() => guarded.close()))
  const context = await browser.newContext()
  t.after(() => context.close())
  const open = async (who: string) =>
    (await newPage(context, `${fixtures.url}/outbox.html?relay=${network.url}&doc=private-1&token=t-${who}`))
      .page
  const authors = async () => {
    const answer = await fetch(`${guarded.url}/v1/docs/private-1/ops`, {
      headers: { Authorization: "Bearer t-bob" },
    })
    const { ops = [] } = (await answer.json()) as { ops?: { by: string; payload: string }[] }
    return ops.map((op) => `${op.by}: ${op.payload}`)
  }

  const alice = await open("alice")
  await live(alice)
  network.refuse(true)
  network.cut()
  await call(alice, "append('by alice')")
  await alice.close()
  network.refuse(false)
  const bob = await open("bob")
  await live(bob)
  await call(bob, "append('by bob').length && saved()")
  assert.deepEqual(await authors(), ["bob: by bob"])
  await bob.close()
  await open("alice")
  await until("alice's is there", async () => (await authors()).length === 2)
  assert.deepEqual(await authors(), ["bob: by bob", "alice: by alice"])
})

test("without storage it works in memory, and says so", async (t) => {
  const { context, open } = await profile(t, "full")
  const page = await open()
  await live(page)
  const client = await context.newCDPSession(page)
  await client.send("Storage.overrideQuotaForOrigin", { origin: fixtures.url, quotaSize: 1 })
  const online = offline(t)
  await call(page, "append('x'.repeat(100000))")
  const status = await until("it says so", async () => {
    const s = await call<{ state: string; storage?: string }>(page, "standing()")
    return s.storage && s
  })
  assert.match(status.storage ?? "", /keeps nothing for this page/)
  online()
  await call(page, "saved()")
  assert.equal((await logged("full")).payloads.length, 1)
  await client.send("Storage.overrideQuotaForOrigin", { origin: fixtures.url }) // it would outlive the context
})

test("a document with a local copy opens offline, and only what is new comes over the wire", async (t) => {
  const { open } = await profile(t, "copied", fixtures.url, "&copy")
  const first = await open()
  await live(first)
  await call(first, "(() => { for (let n = 0; n < 2000; n++) append({ n, text: 'x'.repeat(50) }) })()")
  await call(first, "saved()")
  await call(first, "stored()")
  const online = offline(t)
  await call(first, "append('offline')")
  await first.close()

  const second = await open()
  await until("all is there", async () => (await call<unknown[]>(second, "came()")).length === 2001)
  t.diagnostic(`opened offline in ${Math.round(await call(second, "openedIn()"))} ms`)
  await call(second, "append('offline again')")
  const before = proxy.stats.toClient
  online()
  await call(second, "saved()")
  await live(second)
  assert.equal(await call(second, "came().length"), 2001)
  const bytes = proxy.stats.toClient - before
  assert.ok(bytes < 5000, `${bytes} bytes came`)
  assert.deepEqual((await logged("copied")).payloads.slice(-2), ["offline", "offline again"])
  assert.deepEqual(await call(second, "problems()"), [])
})

test("a local copy stays small while others write without a pause", async (t) => {
  const { open } = await profile(t, "busy", fixtures.url, "&save")
  const first = await open()
  const other = new Peer(relay.url, "busy")
  t.after(() => other.connection.close())
  const writing = setInterval(() => {
    for (let i = 0; i < 20; i++) other.append(i)
  }, 20)
  t.after(() => clearInterval(writing))
  const copied = () => call<{ offset: number; tail: number }>(first, "copied()")
  await until("the copy has many ops", async () => (await copied()).tail > 1000)
  await until("a state has taken their place", async () => {
    const { offset, tail } = await copied()
    return offset > 2000 && tail < 500
  })
  clearInterval(writing)
  await other.doc.saved.all()
  const want = other.ops.size
  await until("all came", async () => (await call<number>(first, "came().length")) === want)
  await until("the copy has all", async () => (await copied()).offset === want)
  await first.close()
  offline(t)
  const second = await open()
  await until("it opens with all", async () => (await call<number>(second, "came().length")) === want)
})

test("a relay that is quicker than the browser's storage changes nothing of what a document opens with", async (t) => {
  const { open } = await profile(t, "quick", fixtures.url, "&copy")
  const first = await open()
  await live(first)
  await call(first, "append('kept').length && saved()")
  await until("the copy has come so far", () => call(first, "copied().then(({ offset }) => offset > 0)"))
  await first.close()
  const second = await open("&slow")
  await live(second)
  assert.deepEqual(await call(second, "came()"), ["kept"])
  await call(second, "append('more').length && saved()")
  assert.equal((await logged("quick")).actors.length, 1)
  assert.deepEqual(await call(second, "problems()"), [])
})
