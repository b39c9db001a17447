import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { complaints } from "./harness/axe.ts"
import { type Site, startSite, visit } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

const fiveWords = /^\/(board|text)\/[a-z]+(-[a-z]+){4}$/

const hour = 3_600_000

/** Two boards and a text, put where the pages that one was in put them. */
const entries = (now = Date.now()) => [
  { kind: "board", name: "b1", at: now - 2 * hour, title: "Kitchen", thumbnail: "data:image/svg+xml,<svg/>" },
  { kind: "text", name: "t1", at: now - 50 * hour, thumbnail: "# Minutes\n<b>who</b>" },
  { kind: "board", name: "b2", at: now + hour },
]

async function store(page: Page, text: string): Promise<void> {
  await page.evaluate((text) => localStorage.setItem("baton.recent", text), text)
  await page.reload()
  await page.getByRole("heading", { level: 1 }).waitFor()
}

function cards(page: Page): Promise<string[]> {
  return page.locator(".recents li a").allInnerTexts()
}

test("a click on New board makes a board with a name that nobody can guess", async (t) => {
  const { page } = await visit(t, site, "/")
  await page.getByRole("link", { name: /New board/ }).click()
  await page.waitForURL("**/board/*")
  assert.match(new URL(page.url()).pathname, fiveWords)
})

test("each text that is opened in a new tab has a name of its own", async (t) => {
  const { page, context } = await visit(t, site, "/")
  const link = page.getByRole("link", { name: /New text/ })
  const opened: string[] = []
  for (const how of [
    { modifiers: ["ControlOrMeta"] },
    { button: "middle" },
    { modifiers: ["ControlOrMeta"] },
  ]) {
    const tab = context.waitForEvent("page")
    await link.click(how as Parameters<typeof link.click>[0])
    opened.push(new URL((await tab).url()).pathname)
  }
  for (const path of opened) assert.match(path, fiveWords)
  assert.equal(new Set(opened).size, 3, opened.join(" "))
  assert.equal(new URL(page.url()).pathname, "/")
})

test("a name opens what it is said to be the name of", async (t) => {
  const { page, url } = await visit(t, site, "/")
  await page.getByLabel("Open by link or name").fill(" amber otter harp ")
  await page.getByText("Text", { exact: true }).click()
  await page.getByRole("button", { name: "Open", exact: true }).click()
  await page.waitForURL(`${url}/text/amber-otter-harp`)
})

test("what is no name becomes the one that is most like it", async (t) => {
  const { page, url } = await visit(t, site, "/")
  const field = page.getByLabel("Open by link or name")
  await field.fill("Müller & Söhne")
  await page.keyboard.press("Enter")
  await page.getByRole("alert").getByText("“Muller-Sohne” is one: open it, or change it.").waitFor()
  assert.equal(await field.inputValue(), "Muller-Sohne")
  await page.keyboard.press("Enter")
  await page.waitForURL(`${url}/board/Muller-Sohne`)
})

test("an address that is nearly one leads on, with a sentence", async (t) => {
  const { page, url } = await visit(t, site, "/text/M%C3%BCller")
  await page.getByText("“Müller” is no name of a text.").waitFor()
  assert.deepEqual(await complaints(page), [])
  await page.getByRole("link", { name: "Open the text “Muller”" }).click()
  await page.waitForURL(`${url}/text/Muller`)

  await page.goto(`${url}/board/one.`)
  await page.getByRole("heading", { name: "Does the dot belong to the name?" }).waitFor()
  assert.deepEqual(await complaints(page), [])
  await page.getByRole("link", { name: "Open “one.”, with the dot" }).click()
  await page.waitForFunction(() => window.baton?.session.board.document.name === "board-one.")
  await page.goto(`${url}/board/one.`)
  await page.getByRole("link", { name: "Open “one”", exact: true }).click()
  await page.waitForFunction(() => window.baton?.session.board.document.name === "board-one")
  assert.equal(page.url(), `${url}/board/one`)

  await page.goto(`${url}/board/one/`)
  await page.waitForFunction(() => window.baton?.session.board.document.name === "board-one")
  await page.goto(`${url}/board/${encodeURIComponent("日本")}`)
  assert.equal(await page.getByRole("link", { name: "Open the board" }).count(), 0)
  await page.getByRole("link", { name: "Begin a new board" }).click()
  await page.waitForURL((to) => fiveWords.test(to.pathname))
})

test("a pasted link says by itself what it leads to, and its token comes along", async (t) => {
  const { page, url } = await visit(t, site, "/")
  for (const link of [
    `${url}/text/notes#t=s3cret`,
    `${url.replace("http://", "")}/text/notes`,
    "/text/notes",
  ]) {
    await page.goto(url)
    await page.getByLabel("Open by link or name").fill(link)
    assert.ok(await page.getByRole("radio", { name: "Text" }).isChecked(), link)
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/text\/notes/)
  }
})

test("what is no link and no name is said to be none", async (t) => {
  const { page, url } = await visit(t, site, "/")
  const field = page.getByLabel("Open by link or name")
  for (const text of ["https://example.org/other", "javascript:alert(1)", "a/b", "日本", "..."]) {
    await field.fill(text)
    await page.keyboard.press("Enter")
    await page.getByRole("alert").getByText("That is no link to a board or a text").waitFor()
    await field.fill("better")
    assert.equal(await page.getByRole("alert").textContent(), "", text)
  }
  assert.equal(page.url(), `${url}/`)
})

test("the documents one was in are shown with what they hold and when they were open", async (t) => {
  const { page, url } = await visit(t, site, "/")
  await store(page, JSON.stringify(entries()))
  assert.deepEqual(await cards(page), [
    "b2\nBoard, just now",
    "Kitchen\nBoard, 2 hours ago",
    "# Minutes\n<b>who</b>\nt1\nText, 2 days ago",
  ])
  assert.equal(await page.locator(".recents img").getAttribute("src"), "data:image/svg+xml,<svg/>")
  await page.getByRole("link", { name: "Kitchen" }).click()
  await page.waitForURL(`${url}/board/b1`)
})

test("one that is forgotten is gone in all tabs, and can be put back where it was", async (t) => {
  const { page, context, url } = await visit(t, site, "/")
  await store(page, JSON.stringify(entries()))
  const before = await cards(page)
  const other = await context.newPage()
  await other.goto(url)
  await page.getByRole("button", { name: "Forget Kitchen" }).click()
  await until("it is gone here", async () => (await cards(page)).length === 2)
  await until("it is gone in the other tab", async () => (await cards(other)).length === 2)
  await page.getByRole("button", { name: "Put it back" }).click()
  await until("the other tab has it again", async () => (await cards(other)).length === 3)
  assert.deepEqual(await cards(page), before)
})

test("what is damaged in the browser's storage is left out, and the page works", async (t) => {
  const { page } = await visit(t, site, "/")
  for (const text of ["{", "null", "7", '{"kind":"board"}', '[null,7,[],{"kind":"board"}]']) {
    await store(page, text)
    assert.deepEqual(await cards(page), [], text)
  }
  const sound = entries()[1]
  const odd = [
    { kind: "board", name: "../x", at: 1 },
    { kind: "board", name: "x", at: 1e300 },
    { kind: "board", name: "y", at: 1, title: 7, thumbnail: "http://example.org/spy.png" },
  ]
  await store(page, JSON.stringify([...odd, sound]))
  assert.equal((await cards(page)).length, 2)
  assert.equal(await page.locator(".recents img").count(), 0)
})

test("light and dark can be chosen, and the choice stays", async (t) => {
  const { page } = await visit(t, site, "/", { colorScheme: "light" })
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await paper()
  await page.getByRole("button", { name: "Dark" }).click()
  assert.notEqual(await paper(), light)
  const dark = await paper()
  await page.reload()
  await page.getByRole("button", { name: "Dark", pressed: true }).waitFor()
  assert.equal(await paper(), dark)
})

test("the keyboard reaches everything, the new board before all else that leads on", async (t) => {
  const { page } = await visit(t, site, "/")
  await store(page, JSON.stringify(entries().slice(0, 1)))
  const reached: string[] = []
  for (let i = 0; i < 9; i++) {
    await page.keyboard.press("Tab")
    reached.push(
      await page.evaluate(() => {
        const at = document.activeElement as HTMLInputElement
        const text = (at.querySelector("strong") ?? at).textContent
        return at.getAttribute("aria-label") ?? (text || at.id || at.name)
      }),
    )
  }
  assert.deepEqual(reached, [
    "Dark",
    "New board",
    "New text",
    "open-text",
    "kind",
    "Open",
    "Kitchen",
    "Forget Kitchen",
    "/healthz",
  ])
})

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong with the start page in ${colorScheme}`, async (t) => {
    const { page } = await visit(t, site, "/", { colorScheme })
    await store(page, JSON.stringify(entries()))
    await page.getByLabel("Open by link or name").fill("a/b")
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: "Forget Kitchen" }).click()
    await page.getByText("is off this list").waitFor()
    assert.deepEqual(await complaints(page), [])
  })
}

test("on a phone nothing is wider than the screen", async (t) => {
  const { page } = await visit(t, site, "/", { viewport: { width: 320, height: 640 } })
  await store(page, JSON.stringify([...entries(), { kind: "text", name: "w".repeat(100), at: 1 }]))
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

test("a new board can be drawn on soon", async (t) => {
  const { page } = await visit(t, site, "/")
  const began = Date.now()
  await page.getByRole("link", { name: /New board/ }).click()
  await page.locator("canvas").first().waitFor()
  t.diagnostic(`${Date.now() - began} ms from the click to the canvas`)
})
