import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Locator } from "playwright-core"
import { encode } from "uqr"
import { insecureHost } from "../../client/js/test/harness/browser.ts"
import { until } from "../../client/js/test/harness/deadline.ts"
import { complaints } from "./harness/axe.ts"
import type { Front } from "./harness/front.ts"
import { serveParts } from "./harness/parts.ts"
import { type Site, startSite, type Visit, type Visitor, visit } from "./harness/site.ts"

let site: Site
let parts: Front

before(async () => {
  site = await startSite()
  parts = await serveParts(site.relay.port)
})

after(async () => {
  await parts?.close()
  await site?.close()
})

const lan = ["http://192.168.0.7:8080", "http://[2001:db8::7]:8080"]

interface Opening extends Visit {
  path?: string
  /** Under which addresses the relay says that it is reached. Left out: what it says, and it listens on loopback. */
  addresses?: string[]
}

/** Opens the dialog of a document. */
async function share(
  t: Parameters<typeof visit>[0],
  { path = "/board/one-two", addresses, ...options }: Opening = {},
) {
  const visitor = await visit(t, { relay: parts, browser: site.browser }, "/", options)
  if (addresses)
    await visitor.context.route("**/addresses.json", (route) => route.fulfill({ json: { addresses } }))
  await visitor.page.goto(visitor.url + path)
  return { ...visitor, ...(await open(visitor)) }
}

async function open({ page }: Pick<Visitor, "page">) {
  await page.getByRole("button", { name: "Share" }).click()
  const dialog = page.getByRole("dialog")
  return { dialog, link: dialog.getByLabel("Link", { exact: true }) }
}

/** Reads the modules of a QR code out of its picture and compares them with those of a text. */
async function assertQr(dialog: Locator, text: string): Promise<void> {
  const code = dialog.locator("svg.qr")
  const size = Number((await code.getAttribute("viewBox"))?.split(" ")[2])
  const drawn = Array.from({ length: size }, () => Array<boolean>(size).fill(false))
  for (const [, x, y] of (await code.locator("path").getAttribute("d"))?.matchAll(/M(\d+) (\d+)h1v1h-1z/g) ??
    []) {
    const row = drawn[Number(y)]
    if (row) row[Number(x)] = true
  }
  assert.deepEqual(drawn, encode(text, { ecc: "M", border: 4 }).data, `the QR code is not that of ${text}`)
  assert.ok(
    drawn
      .slice(0, 4)
      .flat()
      .every((dark) => !dark),
    "there is no quiet zone",
  )
}

test("on localhost the link and its QR code have the address by which others reach the relay", async (t) => {
  const { dialog, link } = await share(t, { addresses: lan.slice(0, 1) })
  await dialog.locator("svg.qr").waitFor()
  assert.equal(await link.inputValue(), "http://192.168.0.7:8080/board/one-two")
  await assertQr(dialog, "http://192.168.0.7:8080/board/one-two")
  assert.equal(await dialog.getByRole("combobox").count(), 0)
})

test("of several addresses one can be chosen", async (t) => {
  const { dialog, link } = await share(t, { addresses: lan, path: "/text/one-two" })
  await assertQr(dialog, `${lan[0]}/text/one-two`)
  await dialog.getByRole("combobox").selectOption(lan[1] as string)
  assert.equal(await link.inputValue(), `${lan[1]}/text/one-two`)
  await assertQr(dialog, `${lan[1]}/text/one-two`)
})

test("a relay that listens on this machine only says so, and how it is opened, and there is no QR code", async (t) => {
  const { dialog, link, url } = await share(t)
  await dialog.getByText("This relay listens on this machine only.").waitFor()
  const { port } = new URL(url)
  assert.deepEqual(await dialog.locator("code").allTextContents(), [
    `baton --listen :${port} --tokens FILE`,
    `baton --listen :${port} --insecure-no-auth`,
  ])
  assert.equal(await dialog.locator("svg.qr").count(), 0)
  assert.equal(await link.inputValue(), `${url}/board/one-two`)
})

test("what the relay says of its addresses does not have to be sound", async (t) => {
  for (const addresses of [["no address"], 7, null]) {
    const { dialog, context } = await share(t, { addresses: addresses as string[] })
    await dialog.getByText("This relay listens on this machine only.").waitFor()
    await context.close()
  }
})

test("the link is copied, and that is said", async (t) => {
  const { page, dialog, link } = await share(t, { permissions: ["clipboard-read", "clipboard-write"] })
  await dialog.getByRole("button", { name: "Copy link" }).click()
  await dialog.getByRole("button", { name: "Copied" }).waitFor()
  assert.equal(await dialog.getByRole("status").textContent(), "Copied")
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await link.inputValue())
})

test("in a page without a secure context it is copied as well, and the link is that of the page's own host", async (t) => {
  const context = await site.browser.newContext()
  t.after(() => context.close())
  // The relay lets in nobody under such a name. What matters here is the page.
  await context.route(`http://${insecureHost}/**`, async (route) => {
    const url = route.request().url().replace(`http://${insecureHost}`, parts.url)
    await route.fulfill({ response: await route.fetch({ url }) })
  })
  const page = await context.newPage()
  await page.goto(`http://${insecureHost}/board/one-two`)
  assert.equal(await page.evaluate(() => isSecureContext || "clipboard" in navigator), false)
  const { dialog } = await open({ page })
  await assertQr(dialog, `http://${insecureHost}/board/one-two`)
  await dialog.getByRole("button", { name: "Copy link" }).click()
  await dialog.getByRole("button", { name: "Copied" }).waitFor()
  await page.keyboard.press("Escape")
  await page.evaluate(() => document.body.append(document.createElement("textarea")))
  await page.locator("textarea").focus()
  await page.keyboard.press("ControlOrMeta+V")
  assert.equal(await page.locator("textarea").inputValue(), `http://${insecureHost}/board/one-two`)
})

test("a token goes along only if one says so", async (t) => {
  const { dialog, link, page, url } = await share(t, { path: "/board/one-two#t=s3cret%2Fx", addresses: lan })
  assert.equal(page.url(), `${url}/board/one-two`, "the address shows no token")
  const plain = `${lan[0]}/board/one-two`
  await dialog.getByText("Others need a link with a token of their own").waitFor()
  assert.equal(await link.inputValue(), plain)
  await assertQr(dialog, plain)
  await dialog.getByLabel("Include my access").check()
  assert.equal(await link.inputValue(), `${plain}#t=s3cret%2Fx`)
  await assertQr(dialog, `${plain}#t=s3cret%2Fx`)
  await dialog.getByLabel("Include my access").uncheck()
  assert.equal(await link.inputValue(), plain)
})

test("without a token there is no word of tokens, and with one none of doing without", async (t) => {
  const { dialog } = await share(t)
  assert.equal(await dialog.getByLabel("Include my access").count(), 0)
  const other = await share(t, { path: "/board/one-two#t=s3cret" })
  await other.dialog.getByText("This relay listens on this machine only.").waitFor()
  assert.equal(await other.dialog.getByText("--insecure-no-auth").count(), 0)
})

test("a board can be tried alone, a text not, nor a board that is half of such a page", async (t) => {
  const { dialog, page, url } = await share(t)
  await dialog.getByRole("link", { name: /two boards side by side/ }).click()
  await page.waitForURL(`${url}/board/one-two?split`)
  const frame = page.frameLocator("iframe").first()
  await frame.getByRole("button", { name: "Share" }).click()
  await frame.getByRole("dialog").waitFor()
  assert.equal(await frame.getByRole("link", { name: /side by side/ }).count(), 0)
  const text = await share(t, { path: "/text/one-two" })
  assert.equal(await text.dialog.getByRole("link").count(), 0)
})

test("the keyboard stays in the dialog, its keys reach nothing behind it, and Escape gives back the focus", async (t) => {
  const { page, dialog } = await share(t)
  await dialog.getByText("This relay listens on this machine only.").waitFor()
  const heard: string[] = []
  await page.exposeFunction("hear", (key: string) => heard.push(key))
  await page.evaluate(() =>
    document.addEventListener("keydown", ({ key, target }) => {
      if (target !== document.body) (window as unknown as { hear(key: string): void }).hear(key)
    }),
  )
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement
      return at === document.body || document.querySelector("dialog")?.contains(at)
    })
  for (let i = 0; i < 8; i++) {
    assert.ok(await focused(), `after Tab ${i}`)
    await page.keyboard.press("Tab")
  }
  await dialog.getByLabel("Link", { exact: true }).focus()
  await page.keyboard.press("r")
  await page.keyboard.press("Escape")
  await dialog.waitFor({ state: "detached" })
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Share")
  await page.keyboard.press("x")
  await until("a key beside the dialog is heard", () => heard.includes("x"))
  assert.deepEqual(heard, ["x"])
})

test("the dialog closes by its button and by a click beside it, and opens again", async (t) => {
  const { page, dialog } = await share(t)
  await dialog.getByRole("button", { name: "Close" }).click()
  await dialog.waitFor({ state: "detached" })
  await open({ page })
  await dialog.getByRole("heading", { name: "Share this board" }).click()
  assert.equal(await dialog.count(), 1)
  await page.mouse.click(5, 5)
  await dialog.waitFor({ state: "detached" })
  await open({ page })
})

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong with the dialog in ${colorScheme}`, async (t) => {
    const { page, dialog } = await share(t, { colorScheme, path: "/board/one-two#t=s3cret" })
    await dialog.getByText("This relay listens on this machine only.").waitFor()
    assert.deepEqual(await complaints(page), [])
    const other = await share(t, { colorScheme, addresses: lan })
    await other.dialog.locator("svg.qr").waitFor()
    assert.deepEqual(await complaints(other.page), [])
  })
}

test("on a small phone all of the dialog can be reached", async (t) => {
  const { dialog, link } = await share(t, { addresses: lan, viewport: { width: 320, height: 480 } })
  await dialog.locator("svg.qr").waitFor()
  assert.ok(await dialog.evaluate((it) => it.scrollWidth <= it.clientWidth))
  const [inside, outside] = [await link.boundingBox(), await dialog.locator(".share-page").boundingBox()]
  assert.ok(
    inside && outside && inside.x + inside.width <= outside.x + outside.width - 16,
    "the padding is kept",
  )
  await dialog.getByRole("link", { name: /side by side/ }).scrollIntoViewIfNeeded()
  await until("the link is in sight", async () => {
    const box = await dialog.getByRole("link", { name: /side by side/ }).boundingBox()
    return box && box.y + box.height <= 480
  })
})
