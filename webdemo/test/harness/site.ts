import assert from "node:assert/strict"
import type { TestContext } from "node:test"
import type { Browser, BrowserContext, BrowserContextOptions, Frame, Page } from "playwright-core"
import { launch } from "../../../client/js/test/harness/browser.ts"
import { startProxy, type TcpProxy } from "../../../client/js/test/harness/proxy.ts"
import { type Relay, type RelayOptions, startRelay } from "../../../client/js/test/harness/relay.ts"

/** A relay, and a browser to look at what it serves. */
export interface Site {
  relay: Relay
  browser: Browser
  close(): Promise<void>
}

/** Starts both. The caller closes them. */
export async function startSite(options: RelayOptions = {}): Promise<Site> {
  const relay = await startRelay(options)
  const browser = await launch().catch(async (err) => {
    await relay.close()
    throw err
  })
  return {
    relay,
    browser,
    async close() {
      await browser.close()
      await relay.close()
    },
  }
}

export interface Visit extends BrowserContextOptions {
  /** What the page or the browser may log as an error. All else fails the test. */
  expect?: RegExp[]
  /** Whether the network between is ours to cut: see {@link Visitor.proxy}. */
  proxied?: boolean
}

/**
 * What browsers log while the network is gone: all that they ask for fails, also the service worker's script. If the
 * network is back when the client asks why its WebSocket failed, the relay answers 426: it would take a handshake.
 */
export const noNetwork = [
  /net::ERR_/,
  /WebSocket connection to .* failed/,
  /status of (426|50\d)/,
  /fetching the script/,
]

/** Somebody at a browser of their own: other storage, other identity. */
export interface Visitor {
  context: BrowserContext
  page: Page
  /** Where they find the site. */
  url: string
  /** The network between them and the relay; undefined unless it was asked for. */
  proxy: TcpProxy | undefined
  /** What the page and the browser have logged as errors so far. */
  errors: string[]
}

/**
 * Opens a page of the site in a browser profile of its own, which goes when the test ends. Any request to another host,
 * and any error that is not expected, fails the test.
 */
export async function visit(
  t: TestContext,
  { relay, browser }: { relay: Pick<Relay, "url" | "port">; browser: Browser },
  path: string,
  { expect = [], proxied = false, ...options }: Visit = {},
): Promise<Visitor> {
  const proxy = proxied ? await startProxy(relay.port) : undefined
  const url = proxy?.url ?? relay.url
  const context = await browser.newContext(options)
  const errors: string[] = []
  const outside: string[] = []
  context.on("request", (request) => {
    const to = new URL(request.url())
    if (to.origin !== url && to.protocol.startsWith("http")) outside.push(request.url())
  })
  context.on("weberror", (error) => errors.push(String(error.error().stack ?? error.error())))
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(`${message.text()} (${message.location().url})`)
  })
  t.after(async () => {
    await context.close()
    await proxy?.close()
    assert.deepEqual(outside, [], "requests to other hosts")
    assert.deepEqual(
      errors.filter((error) => !expect.some((e) => e.test(error))),
      [],
      "errors that were logged",
    )
  })
  const page = await context.newPage()
  page.on("crash", () => errors.push("the page crashed"))
  await page.goto(url + path)
  return { context, page, url, proxy, errors }
}

/** Waits until a page says that its document is saved, offline, or however it stands. */
export async function saveState(page: Page | Frame, text: RegExp): Promise<void> {
  await page.getByTestId("savestate").filter({ hasText: text }).waitFor()
}
