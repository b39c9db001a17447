import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { startFront } from "./harness/front.ts"
import { noNetwork, type Site, startSite, visit } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Waits until the browser has all of the site. */
async function kept(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready)
  await until("the worker has the page", async () => {
    const state = await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state)
    return state === "activated"
  })
}

/** Whether the page shows itself. */
const shown = (page: Page) => page.locator("#root > :not(noscript)").first().waitFor()

test("after one visit every page opens again without a network, and its files with it", async (t) => {
  const { page, url, proxy } = await visit(t, site, "/", { proxied: true, expect: noNetwork })
  await kept(page)
  proxy?.refuse(true)
  proxy?.cut()
  for (const path of ["/", "/board/x", "/text/x", "/board/x?split", "/?again", "/status"]) {
    await page.goto(url + path)
    await shown(page)
    const title = await page.title()
    t.diagnostic(`${path}: ${title}`)
    assert.notEqual(title, "")
  }
  await page.getByText("The relay does not answer since").waitFor()
  await page.goto(`${url}/board/x`)
  await page.locator("canvas").first().waitFor()
  await page.evaluate(() => document.fonts.load("20px Excalifont"))
})

test("what is no page of the site is not answered by one", async (t) => {
  const { context, page, url, proxy } = await visit(t, site, "/", {
    proxied: true,
    expect: [...noNetwork, /status of 404/],
  })
  await kept(page)
  for (const path of ["/healthz", "/addresses.json", "/board/a/b"]) await page.goto(url + path)
  proxy?.refuse(true)
  proxy?.cut()
  for (const path of ["/healthz", "/addresses.json", "/board/a/b", "/v1/docs"]) {
    const other = await context.newPage() // for what the browser says of it comes late, and would end what is next
    await assert.rejects(other.goto(url + path), /ERR_/, path)
  }
  await page.goto(url)
  await page.getByRole("heading", { name: "Draw and write together" }).waitFor()
})

test("a relay that does not answer is as one that is gone", async (t) => {
  const { page, url, proxy } = await visit(t, site, "/", { proxied: true, expect: noNetwork })
  await kept(page)
  proxy?.hold()
  const began = Date.now()
  await page.goto(url)
  await page.getByRole("heading", { name: "Draw and write together" }).waitFor()
  assert.ok(Date.now() - began < 15_000)
})

test("a new build is what one sees where the relay can be reached, and what is kept from then on", async (t) => {
  let build = "Baton"
  const front = await startFront(site.relay.port, async (path) => {
    if (!["/", "/start.html", "/sw.js"].includes(path)) return undefined
    const text = await (await fetch(site.relay.url + path)).text()
    return path === "/sw.js" ? `// ${build}\n${text}` : text.replace("<title>Baton", `<title>${build}`)
  })
  t.after(() => front.close())
  const { page } = await visit(t, { relay: front, browser: site.browser }, "/", { expect: noNetwork })
  await kept(page)
  for (build of ["Second", "Third"]) {
    await page.reload()
    assert.equal(await page.title(), build)
  }
  await front.close()
  await page.reload()
  assert.equal(await page.title(), "Third")
  await shown(page)
})

test("a proxy that does not reach the relay is no reason to show nothing", async (t) => {
  let status: number | undefined
  const front = await startFront(site.relay.port, async () => status)
  t.after(() => front.close())
  const { page } = await visit(t, { relay: front, browser: site.browser }, "/", { expect: [/status of 50/] })
  await kept(page)
  for (status of [502, 503]) {
    await page.reload()
    await page.getByRole("heading", { name: "Draw and write together" }).waitFor()
  }
})

test("files of builds that are gone do not pile up", async (t) => {
  const { page } = await visit(t, site, "/")
  await page.evaluate(async () => {
    const cache = await caches.open("site")
    await cache.put("/assets/old-1.js", new Response("old"))
  })
  await kept(page)
  const names = await page.evaluate(async () => {
    const cache = await caches.open("site")
    return (await cache.keys()).map(({ url }) => new URL(url).pathname)
  })
  assert.ok(!names.includes("/assets/old-1.js"))
  assert.ok(names.includes("/board.html") && names.length > 20)
})
