import assert from "node:assert/strict"
import { once } from "node:events"
import { after, before, type TestContext, test } from "node:test"
import type { Page } from "playwright-core"
import WebSocket from "ws"
import { until } from "../../client/js/test/harness/deadline.ts"
import { type Relay, startRelay, type Token } from "../../client/js/test/harness/relay.ts"
import { complaints } from "./harness/axe.ts"
import { noNetwork, type Site, startSite, type Visit, visit } from "./harness/site.ts"

let site: Site
let guarded: Relay

const everything: Token["docs"] = { "*": ["read", "write", "presence", "compact", "admin"] }
const tokens: Token[] = [
  { token: "root", subject: "root", docs: everything },
  { token: "writer", subject: "ann", docs: { "*": ["read", "write"], "board-b": ["admin"] } },
  { token: "old", subject: "bob", docs: everything, expires: "2020-01-01T00:00:00Z" },
]

before(async () => {
  site = await startSite()
  guarded = await startRelay({ tokens })
})

after(async () => {
  await guarded?.close()
  await site?.close()
})

/** What a browser says of an answer that lets one not in. */
const refusals = [/status of 40[13]/]

/** The page of a relay that asks for tokens. */
function enter(t: TestContext, path = "/status", options: Visit = {}) {
  return visit(t, { relay: guarded, browser: site.browser }, path, { expect: refusals, ...options })
}

const state = (page: Page, word: string) => page.locator("#state").getByText(word, { exact: true }).waitFor()

async function give(page: Page, text: string): Promise<void> {
  await page.getByLabel("Paste the link or the token").fill(text)
  await page.getByRole("button", { name: "Go in" }).click()
}

/** What a chart says to those who hear the page. */
const heard = (page: Page, title: string) =>
  page
    .getByRole("img", { name: new RegExp(`^${title}:`) })
    .getAttribute("aria-label")
    .then(String)

/** How many answers of the status a page gets, from now on. */
function answers(page: Page): () => number {
  let n = 0
  page.on("requestfinished", (request) => {
    if (new URL(request.url()).pathname === "/v1/admin/status") n++
  })
  return () => n
}

async function append(doc: string, actor: string, first: number, n: number, format = "json"): Promise<void> {
  const ops = Array.from({ length: n }, (_, i) => ({ actor, seq: first + i, clock: {}, payload: "x" }))
  const { status } = await fetch(`${site.relay.url}/v1/docs/${doc}/ops?format=${format}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(ops),
  })
  assert.equal(status, 200)
}

/** Somebody in a document, until the test ends. */
async function join(t: TestContext, doc: string): Promise<void> {
  const socket = new WebSocket(`${site.relay.url.replace("http", "ws")}/v1/ws`, "baton.v1")
  t.after(() => socket.close())
  await once(socket, "open")
  socket.send(JSON.stringify({ type: "join", doc }))
  await new Promise<void>((resolve) =>
    socket.on("message", (frame) => JSON.parse(String(frame)).type === "joined" && resolve()),
  )
}

/** What a part of the page says. */
const text = (page: Page, part: string) => page.locator(part).textContent().then(String)

test("what somebody writes is in the figures and in the table within seconds", async (t) => {
  await append("board-plans", "w", 1, 1)
  await join(t, "board-plans")
  await join(t, "board-plans")
  await join(t, "log-of-sensors")
  const { page, url } = await visit(t, site, "/status")
  await state(page, "Ready")
  assert.match(await heard(page, "People"), /^People: 3 participants, 3 sessions;/)
  assert.match(await text(page, "#version"), /\d|dev/)
  assert.match(await text(page, "#uptime"), /^\d+ (s|min)/)
  assert.match(await text(page, "#charts figure[data-kind=ops] .status-note"), /^1 since/)

  const row = page.getByRole("row", { name: /^board-plans/ })
  const cells = row.getByRole("cell")
  assert.deepEqual(await cells.allInnerTexts(), ["2", "0", "0", "1", "0", "0", "json"])
  await append("board-plans", "w", 2, 40)
  await until("the table has the ops", async () => (await cells.nth(3).textContent()) === "41")
  assert.ok(Number(await cells.nth(1).textContent()) > 4, "40 ops just now are some a second")
  await until("the chart has them", async () => /^Ops in: .*at most [1-9]/.test(await heard(page, "Ops in")))
  await page.getByText("41 since the start").waitFor()
  for (const title of ["Frames out", "Bytes out", "Memory", "Log"]) {
    assert.match(await heard(page, title), /: [1-9<]|at most [1-9]|grew by [1-9]/, title)
  }
  const lines = await page
    .locator("path.line")
    .evaluateAll((all) => all.map((line) => line.getAttribute("d")?.length ?? 0))
  assert.equal(lines.length, 10)
  assert.ok(
    lines.every((length) => length > 0),
    `lines that are drawn: ${lines}`,
  )

  assert.equal(await page.getByRole("link", { name: "log-of-sensors" }).count(), 0, "the site shows no such")
  await row.getByRole("link", { name: "board-plans" }).click()
  await page.waitForURL(`${url}/board/plans`)
})

test("who left is gone from the figures, and a row in focus stays where it is", async (t) => {
  await join(t, "text-stays")
  await t.test("while somebody is there", async (t) => {
    await join(t, "text-goes")
    const { page } = await visit(t, site, "/status")
    await page.getByRole("link", { name: "text-goes" }).waitFor()
  })
  const { page } = await visit(t, site, "/status")
  const link = page.getByRole("link", { name: "text-stays" })
  await link.focus()
  await append("text-aside", "w", 1, 1)
  await join(t, "text-aside")
  await append("text-aside", "w", 2, 200)
  await page.getByRole("link", { name: "text-aside" }).waitFor()
  assert.equal(await page.getByRole("link", { name: "text-goes" }).count(), 0)
  const first = () => page.locator("#rooms tbody th").first().textContent()
  assert.equal(await first(), "text-stays", "the busier one waits below")
  assert.ok(await link.evaluate((element) => element === document.activeElement))
  await link.evaluate((element) => element.blur())
  await until("the busiest is first", async () => (await first()) === "text-aside")
})

test("without a token one is told what is needed, and goes in by one", async (t) => {
  const { page } = await enter(t)
  await page.getByRole("heading", { name: "The status asks who you are" }).waitFor()
  await page.getByText("a token with the right admin in every document, that is in *").waitFor()
  await state(page, "No access")
  const asked = answers(page)
  await give(page, "  ")
  await page.getByRole("alert").getByText("That is no link with #t= at its end, and no token.").waitFor()
  await give(page, "wrong")
  await page.getByRole("heading", { name: "This token is not valid here" }).waitFor()
  await give(page, "old")
  await until("it was asked", () => asked() === 2)
  await page.getByRole("heading", { name: "This token is not valid here" }).waitFor()
  await give(page, "writer")
  await page.getByRole("heading", { name: "This token does not open the status" }).waitFor()
  await page.getByText("The relay says: this needs the right admin in *.").waitFor()
  await give(page, " root ")
  await state(page, "Ready")
  assert.ok(await page.locator("#charts").isVisible())
  await page.reload()
  await state(page, "Ready")
  await page.getByRole("button", { name: "Forget the token" }).click()
  await page.getByRole("heading", { name: "The status asks who you are" }).waitFor()
  await page.reload()
  await page.getByRole("heading", { name: "The status asks who you are" }).waitFor()
})

test("the token is taken out of the address, and never sent in one", async (t) => {
  const urls: string[] = []
  const { page, url, context } = await enter(t, "/")
  context.on("request", (request) => urls.push(request.url()))
  await page.goto(`${url}/status#t=root`)
  await state(page, "Ready")
  assert.equal(page.url(), `${url}/status`)
  await page.evaluate(() => {
    location.hash = "#t=writer"
  })
  await page.getByRole("heading", { name: "This token does not open the status" }).waitFor()
  assert.equal(page.url(), `${url}/status`)
  await give(page, `${url}/status#t=root`)
  await state(page, "Ready")
  assert.deepEqual(
    urls.filter((to) => /root|writer/.test(to.replace(/#.*/, ""))),
    [],
  )
})

test("a token that ends closes the door, and another one opens it where one was", async (t) => {
  const { page } = await enter(t, "/status#t=root")
  await state(page, "Ready")
  await guarded.setTokens(tokens.filter(({ token }) => token !== "root"))
  await page.getByRole("heading", { name: "This token is not valid here" }).waitFor()
  await guarded.setTokens(tokens)
  await until("the relay takes it", async () => {
    const Authorization = "Bearer root"
    return (await fetch(`${guarded.url}/v1/admin/status`, { headers: { Authorization } })).ok
  })
  await give(page, "root")
  await state(page, "Ready")
})

test("a relay that goes is said to be silent since when, and its rates begin anew when it is back", async (t) => {
  const relay = await startRelay()
  t.after(() => relay.close())
  const { page } = await visit(t, { relay, browser: site.browser }, "/status", { expect: noNetwork })
  await state(page, "Ready")
  await relay.stop()
  await state(page, "No answer")
  await page.getByText(/^The relay does not answer since \d\d:\d\d:\d\d\.$/).waitFor()
  await page.getByText(/^It is asked again at \d\d:\d\d:\d\d\.$/).waitFor()
  assert.equal(await page.title(), "No answer – Status")
  await relay.start()
  await state(page, "Ready")
  assert.equal(await text(page, "#notice"), "")
  assert.equal(await page.title(), "Status")
  assert.match(await text(page, "#uptime"), /^\d+ s$/)
  const ops = await heard(page, "Ops in")
  assert.match(ops, /^Ops in: [–0]/, "a total that began anew is no rate")
})

test("what stands between and answers otherwise is told as it is", async (t) => {
  const { page } = await visit(t, site, "/", { expect: [/status of 50\d/] })
  const asked: number[] = []
  await page.route("**/v1/admin/status", async (route) => {
    asked.push(Date.now())
    await route.fulfill({ status: 502, body: "<html>Bad Gateway</html>" })
  })
  await page.goto(`${site.relay.url}/status`)
  await page.getByText(/does not answer since .*: it says 502 Bad Gateway\.$/).waitFor()
  await until("it was asked four times", () => asked.length >= 4, { timeout: 20_000 })
  const waits = asked.slice(1).map((at, i) => at - (asked[i] ?? 0))
  assert.ok(
    (waits[0] ?? 0) >= 900 && (waits[1] ?? 0) >= 1900 && (waits[2] ?? 0) >= 3900,
    `waits of ${waits} ms`,
  )
})

test("it asks once a second, not at all while the tab is hidden, and at once when it is seen again", async (t) => {
  const { page } = await visit(t, site, "/status")
  await state(page, "Ready")
  const asked = answers(page)
  const began = Date.now()
  await until("it has asked four times", () => asked() >= 4)
  const took = Date.now() - began
  assert.ok(took > 2500 && took < 8000, `four answers in ${took} ms`)
  const hide = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true })
      document.dispatchEvent(new Event("visibilitychange"))
    }, hidden)
  await hide(true)
  await page.waitForTimeout(500) // for one that was under way
  const before = asked()
  await page.waitForTimeout(3500)
  assert.equal(asked(), before)
  await hide(false)
  await until("it asks again", () => asked() > before, { timeout: 900 })
})

test("the pointer on a chart shows what was then", async (t) => {
  const { page } = await visit(t, site, "/status")
  await state(page, "Ready")
  await until("there are some samples", async () =>
    /L.*L/.test(String(await page.locator("figure[data-kind=memory] path.line").last().getAttribute("d"))),
  )
  const plot = page.locator("figure[data-kind=memory] .status-plot")
  await plot.hover({ position: { x: 1, y: 20 } })
  await page
    .locator("figure[data-kind=ops] .status-note")
    .getByText(/^\d+ s ago$/)
    .waitFor()
  await page.mouse.move(0, 0)
  await page.locator("figure[data-kind=ops] .status-note").getByText("since the start").waitFor()
})

for (const [size, viewport] of [
  ["screen", { width: 1280, height: 800 }],
  ["phone", { width: 320, height: 640 }],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`axe finds nothing wrong on a ${size} in ${colorScheme}, and nothing moves or is too wide`, async (t) => {
      await join(t, `board-${"w".repeat(90)}`)
      await join(t, "text-minutes")
      const { page } = await visit(t, site, "/status", { viewport, colorScheme })
      await page.evaluate(() => {
        const shifts: string[] = []
        Object.assign(window, { shifts })
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) {
            const { sources } = entry as unknown as { sources: { node: Node }[] }
            shifts.push(...sources.map(({ node }) => String(node.textContent)))
          }
        }).observe({ type: "layout-shift" })
      })
      await state(page, "Ready")
      const asked = answers(page)
      await until("it was drawn a few times", () => asked() >= 3)
      assert.deepEqual(await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts), [])
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
      assert.deepEqual(await complaints(page), [])

      const closed = await enter(t, "/status", { viewport, colorScheme })
      await give(closed.page, " ")
      await closed.page.getByRole("alert").getByText("no token").waitFor()
      assert.deepEqual(await complaints(closed.page), [])
      assert.ok(await closed.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
    })
  }
}
