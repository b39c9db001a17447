import assert from "node:assert/strict"
import { after, before, describe, type TestContext, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import type { Browser, Page } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { cutErrors } from "./harness/cuterrors.ts"
import { until } from "./harness/deadline.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

let fixtures: Fixtures
let open: Relay
let guarded: Relay
let browser: Browser

before(async () => {
  fixtures = await serveFixtures(["status"])
  open = await startRelay({ args: fixtures.relayArgs })
  guarded = await startRelay({
    args: fixtures.relayArgs,
    tokens: [
      { token: "writes", subject: "alice", docs: { "*": ["read", "write", "presence"] } },
      { token: "reads", subject: "bob", docs: { "*": ["read"] } },
    ],
  })
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await open?.close()
  await guarded?.close()
  await fixtures?.close()
})

/** The page of a document, with the network to the relay in our hands. */
class Board {
  readonly page: Page
  readonly proxy: TcpProxy

  constructor(page: Page, proxy: TcpProxy) {
    this.page = page
    this.proxy = proxy
  }

  /** Types into the page's input and presses Enter. */
  async say(text: string): Promise<void> {
    await this.page.getByRole("textbox").click()
    await this.page.keyboard.type(text)
    await this.page.keyboard.press("Enter")
  }

  /** Waits until the page says this of the document's status; at most timeout, in milliseconds. */
  async shows(state: string, reason: string, unsaved: string, timeout = 10_000): Promise<void> {
    const shown = (name: string) => this.page.locator(`.${name}`).textContent()
    const wanted = [state, reason, unsaved]
    const holds = async () => {
      assert.deepEqual([await shown("state"), await shown("reason"), await shown("unsaved")], wanted)
      return true
    }
    await until(`the page shows [${wanted}]`, holds, { timeout })
  }

  /** What was said, as the page shows it. */
  said(): Promise<string[]> {
    return this.page.locator(".said").allTextContents()
  }
}

interface Circumstances {
  token?: string
  heartbeat?: string
  /** Whether the network is dead at first. */
  held?: boolean
  /** What the browser logs, each as often as it likes. */
  errors?: (proxy: TcpProxy) => Set<string>
}

/** Opens the page of a document, in a browser profile of its own. Errors that are not expected fail the test. */
async function board(
  t: TestContext,
  relay: Relay,
  name: string,
  { token = "", heartbeat = "10000", held = false, errors: expected }: Circumstances = {},
): Promise<Board> {
  const proxy = await startProxy(relay.port)
  if (held) proxy.hold()
  const context = await browser.newContext()
  const query = new URLSearchParams({ relay: proxy.url, name, token, heartbeat })
  const { page, errors } = await newPage(context, `${fixtures.url}/status.html?${query}`)
  t.after(async () => {
    await context.close()
    await proxy.close()
    const allowed = expected?.(proxy) ?? new Set()
    assert.deepEqual(
      errors.filter((error) => !allowed.has(error)),
      [],
    )
  })
  return new Board(page, proxy)
}

function refusalErrors({ url }: TcpProxy): Set<string> {
  return new Set([
    `WebSocket connection to '${url.replace("http", "ws")}/v1/ws' failed: HTTP Authentication failed; no valid credentials available`,
    "Failed to load resource: the server responded with a status of 401 (Unauthorized)",
  ])
}

describe("a page shows a document", () => {
  test("as connecting, syncing and live when it is opened", async (t) => {
    const b = await board(t, open, "opened", { held: true })
    await b.shows("connecting", "", "0 unsaved")
    b.proxy.delay(400) // ms each way, so that each state can be seen
    b.proxy.release()
    await b.shows("syncing", "", "0 unsaved")
    await b.shows("live", "", "0 unsaved")
    await b.say("hello")
    await b.shows("live", "", "1 unsaved")
    await b.shows("live", "", "0 unsaved")
  })

  test("as offline with what is unsaved when the network is cut, and as live when it is back", async (t) => {
    const b = await board(t, open, "cut", { errors: ({ url }) => cutErrors(url) })
    await b.shows("live", "", "0 unsaved")
    b.proxy.refuse(true)
    b.proxy.cut()
    await b.shows("offline", "the connection was lost", "0 unsaved")
    await b.say("one")
    await b.say("two")
    await b.shows("offline", "the connection was lost", "2 unsaved")
    b.proxy.refuse(false)
    await b.shows("live", "", "0 unsaved")
    assert.deepEqual(await b.said(), ["one", "two"])
    await b.page.reload()
    await b.shows("live", "", "0 unsaved")
    assert.deepEqual(await b.said(), ["one", "two"])
  })

  test("as offline soon when the network is dead while something waits, and as live when it is back", async (t) => {
    const b = await board(t, open, "dead", { heartbeat: "1000" })
    await b.shows("live", "", "0 unsaved")
    b.proxy.hold()
    await b.say("is anybody there?")
    await b.shows("live", "", "1 unsaved")
    await b.shows("offline", "the relay is silent: the network may be gone", "1 unsaved", 5000)
    b.proxy.release()
    await b.shows("live", "", "0 unsaved")
  })

  test("as refused with a wrong token, and does not try again", async (t) => {
    const b = await board(t, guarded, "refused", { token: "guessed", errors: refusalErrors })
    await b.shows("refused", "the relay does not take this token", "0 unsaved")
    const { opened } = b.proxy.stats
    assert.ok(
      opened <= 3,
      `it took ${opened} connections: more than a WebSocket, a question and its preflight`,
    )
    await sleep(1500) // by its least waits there would be three more
    assert.equal(b.proxy.stats.opened, opened, "it connected again")
    await b.shows("refused", "the relay does not take this token", "0 unsaved")
  })

  test("as read-only with a token that only reads, and takes nothing", async (t) => {
    const writer = await board(t, guarded, "read", { token: "writes" })
    await writer.say("hello")
    const reader = await board(t, guarded, "read", { token: "reads" })
    await reader.shows("read-only", "", "0 unsaved")
    await until("the reader has it", async () => (await reader.said()).join() === "hello")
    await reader.say("me too")
    await reader.shows("read-only", "BatonError: this session may not write read", "0 unsaved")
    assert.deepEqual(await writer.said(), ["hello"])
  })
})
