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

test("what two write at once into texts alone, of fixed width and in a box is drawn with all its letters, also after a reload", async (t) => {
  const ann = await visitBoard(t, site, "letters")
  const bob = await visitBoard(t, site, "letters")
  const words = {
    type: "text",
    text: "one",
    originalText: "one",
    fontSize: 20,
    fontFamily: 5,
    width: 34,
    height: 25,
  }
  const elements = [
    {
      id: "box",
      type: "rectangle",
      x: 0,
      y: 0,
      width: 90,
      height: 60,
      boundElements: [{ id: "in", type: "text" }],
    },
    { ...words, id: "in", x: 28, y: 8, containerId: "box", textAlign: "center", verticalAlign: "middle" },
    { ...words, id: "fixed", x: 150, y: 0, width: 60, autoResize: false },
    { ...words, id: "alone", x: 0, y: 200 },
  ]
  const file = Buffer.from(JSON.stringify({ type: "excalidraw", version: 2, elements }))
  const name = "scene.excalidraw"
  await ann.page
    .getByLabel("Import an Excalidraw file")
    .setInputFiles({ name, mimeType: "application/json", buffer: file })
  await elementsWhen(bob.page, 4)
  await saved(ann.page)
  for (const { page } of [ann, bob]) await page.keyboard.press("Escape")
  const texts = async (page: Page) =>
    (await elementsOf(page)).filter(({ type }) => type === "text") as unknown as (Element & {
      text: string
    })[]
  const [inBox, fixed, alone] = (await texts(ann.page)).map(({ id }) => id) as [string, string, string]
  /** Writes at one end of a text. */
  const add = async (page: Page, id: string, end: string, more: string) => {
    const { height, y } = (await elementsOf(page)).find((element) => element.id === id) as Element
    const box = (await elementsOf(page)).find(({ type }) => type === "rectangle") as Element
    // One writes into a box by a click on the box.
    if (id === inBox) await write(page, box.id, box.height / 2)
    else await write(page, id, Math.min(height, y + height) / 2)
    await page.keyboard.press(`Control+${end}`)
    await page.keyboard.type(more)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
  }
  // In the first both write at once, of the others they hear when both are done.
  for (const { page } of [ann, bob]) await saved(page)
  for (const id of [alone, fixed, inBox]) {
    if (id !== alone)
      for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.pause())
    await Promise.all([add(ann.page, id, "End", " two"), add(bob.page, id, "Home", "new ")])
  }
  for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.resume())
  for (const { page } of [ann, bob]) {
    await until("all letters are drawn", async () => {
      const drawn = (await texts(page)).map(({ text, originalText }) => [
        text.replace(/\s+/g, " "),
        originalText,
      ])
      return drawn.every((both) => both.every((text) => text === "new one two"))
    }).catch(async () => assert.deepEqual(await texts(page), "new one two"))
    await saved(page)
  }
  await same(ann.page, bob.page)
  const [a, b, c] = await texts(ann.page)
  assert.ok(a && b && c)
  const box = (await elementsOf(ann.page)).find(({ type }) => type === "rectangle") as Element
  assert.ok(box.height >= a.height + 10 && a.height >= 50, "the box holds what is written in it")
  assert.ok(b.text.includes("\n") && b.height > 25, "what has a width of its own is wrapped")
  assert.ok(c.width > 80, "the other is as wide as its letters")
  const before = await elementsOf(bob.page)
  for (const who of [ann, bob]) {
    await who.page.reload()
    await atDesk(who)
  }
  for (const { page } of [ann, bob]) {
    const look = (elements: ElementInPage[]) =>
      elements.map((element) => {
        const { id, x, y, width, height, text } = element as Element & { text?: string }
        return JSON.stringify([id, x, y, width, height, text])
      })
    await until("it is the same after a reload", async () => {
      return look(await elementsOf(page)).join() === look(before).join()
    }).catch(async () => assert.deepEqual(look(await elementsOf(page)), look(before)))
    assert.equal(await page.getByTestId("savestate").textContent(), "Saved")
  }
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
