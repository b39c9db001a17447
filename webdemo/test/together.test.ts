import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { atDesk, type ElementInPage, inPage, visitBoard } from "./harness/desk.ts"
import { colour, drag, draw, elementsOf, elementsWhen, same, saved, select, write } from "./harness/draw.ts"
import { noNetwork, type Site, saveState, startSite, type Visitor } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

interface Element extends ElementInPage {
  strokeColor: string
  originalText?: string
  points?: unknown[]
  index: string
}

async function only(page: Page): Promise<Element> {
  const [element] = await elementsWhen(page, 1)
  return element as Element
}

/** Two at one board with a rectangle on it. */
async function pair(
  t: Parameters<typeof visitBoard>[0],
  name: string,
  proxied = false,
): Promise<[Visitor, Visitor]> {
  const options = proxied ? { proxied, expect: noNetwork } : {}
  const ann = await visitBoard(t, site, name, options)
  const bob = await visitBoard(t, site, name, options)
  await draw(ann.page, "r", [400, 300], [500, 400])
  await saved(ann.page)
  await elementsWhen(bob.page, 1)
  await same(ann.page, bob.page)
  return [ann, bob]
}

test("two who type into one text at once both have all of it", async (t) => {
  const ann = await visitBoard(t, site, "typing")
  const bob = await visitBoard(t, site, "typing")
  await ann.page.keyboard.press("t")
  await ann.page.mouse.click(500, 300)
  await ann.page.keyboard.type("shared")
  await ann.page.keyboard.press("Escape")
  await ann.page.keyboard.press("Escape")
  const text = await only(bob.page)
  await saved(ann.page)
  for (const { page } of [ann, bob]) await write(page, text.id, text.height / 2)
  await ann.page.keyboard.press("End")
  await bob.page.keyboard.press("Home")
  for (let i = 0; i < 3; i++) {
    await ann.page.keyboard.type("A")
    await bob.page.keyboard.type("B")
  }
  await ann.page.keyboard.press("Escape")
  await bob.page.keyboard.press("Escape")
  for (const { page } of [ann, bob]) {
    await until("both have all", async () => (await only(page)).originalText === "BBBsharedAAA")
  }
  await same(ann.page, bob.page)
})

test("after a minute offline on both sides all is merged", async (t) => {
  const [ann, bob] = await pair(t, "minute", true)
  for (const { proxy } of [ann, bob]) {
    proxy?.refuse(true)
    proxy?.cut()
  }
  const over = Date.now() + 60_000
  const { id } = await only(ann.page)
  await select(ann.page, id)
  await colour(ann.page, "#e03131")
  await draw(ann.page, "o", [600, 300], [700, 400])
  await drag(bob.page, id, [100, 120])
  await draw(bob.page, "p", [650, 450], [800, 600])
  await until("a minute is over", () => Date.now() >= over, { timeout: 70_000 })
  for (const { proxy } of [ann, bob]) proxy?.refuse(false)
  for (const { page } of [ann, bob]) await page.evaluate(() => dispatchEvent(new Event("online")))
  for (const { page } of [ann, bob]) await elementsWhen(page, 3)
  for (const { page } of [ann, bob]) await saved(page)
  await same(ann.page, bob.page)
  const box = (await elementsOf(bob.page)).find(({ type }) => type === "rectangle") as Element
  assert.equal(box.strokeColor, "#e03131")
  assert.ok(box.x > 400 + 60)
})

test("three who draw at once see one picture", async (t) => {
  const people = [
    await visitBoard(t, site, "three"),
    await visitBoard(t, site, "three"),
    await visitBoard(t, site, "three"),
  ]
  await Promise.all(
    people.map(async ({ page }, i) => {
      for (let k = 0; k < 4; k++)
        await draw(page, "rdop"[k] as string, [300 + 90 * k, 200 + 130 * i], [370 + 90 * k, 290 + 130 * i])
    }),
  )
  for (const { page } of people) await elementsWhen(page, 12)
  for (const { page } of people) await saved(page)
  for (const { page } of people.slice(1)) await same(page, (people[0] as Visitor).page)
})

test("two who began one board, and load it again, go on each for themselves", async (t) => {
  const ann = await visitBoard(t, site, "again")
  const bob = await visitBoard(t, site, "again")
  // Each makes the change that all boards begin with, before they know of the other's.
  for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.pause())
  await draw(ann.page, "r", [400, 300], [500, 400])
  await draw(bob.page, "o", [600, 300], [700, 400])
  for (const { page } of [ann, bob]) await saveState(page, /^Offline, \d+ to send$/)
  for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.resume())
  for (const { page } of [ann, bob]) await elementsWhen(page, 2)
  for (const { page } of [ann, bob]) await saved(page)
  for (const who of [ann, bob]) {
    await who.page.reload()
    await atDesk(who)
  }
  for (const { page } of [ann, bob]) await draw(page, "d", [400, 500], [500, 600])
  for (const { page } of [ann, bob]) await elementsWhen(page, 4)
  for (const { page } of [ann, bob]) await saved(page)
  for (const { page } of [ann, bob]) assert.equal(await page.getByTestId("savestate").textContent(), "Saved")
})

test("keys that are pressed while the page loads do not keep it from saving", async (t) => {
  const ann = await visitBoard(t, site, "impatient")
  for (let i = 0; i < 8; i++) {
    await ann.page.reload({ waitUntil: "commit" })
    await ann.page.locator("canvas.interactive").waitFor()
    for (const key of ["Escape", "Escape", "Delete", "Escape"]) await ann.page.keyboard.press(key)
    await atDesk(ann)
    await draw(ann.page, "r", [300 + 90 * i, 300], [360 + 90 * i, 400])
    await until("it is in the document", () =>
      inPage(ann, (desk, count) => Object.keys(desk.session.board.doc.elements).length === count, i + 1),
    )
  }
})
