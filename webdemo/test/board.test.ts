import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { atDesk, type ElementInPage, inPage, visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, elementsWhen, handleOf, same, saved } from "./harness/draw.ts"
import { type Site, startSite, type Visitor } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** What the browser logs of a network that is cut. */
const cut = [/WebSocket/, /ERR_/, /status of 50\d/, /fetching the script/]

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

/** Drags the only element of a board, and holds it. */
async function take(page: Page, by: [number, number]): Promise<void> {
  await page.keyboard.press("v")
  const [x, y] = await handleOf(page, (await only(page)).id)
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x + by[0], y + by[1], { steps: 5 })
}

/** Gives the only element of a board the colour red, by the panel. */
async function redden(page: Page): Promise<void> {
  await page.keyboard.press("v")
  await page.mouse.click(...(await handleOf(page, (await only(page)).id)))
  await page.getByTestId("color-top-pick-#e03131").click()
}

/** Two at one board with a rectangle on it. */
async function pair(
  t: Parameters<typeof visitBoard>[0],
  name: string,
  proxied = false,
): Promise<[Visitor, Visitor]> {
  const options = proxied ? { proxied, expect: cut } : {}
  const ann = await visitBoard(t, site, name, options)
  const bob = await visitBoard(t, site, name, options)
  await draw(ann.page, "r", [400, 300], [500, 400])
  await saved(ann.page)
  await elementsWhen(bob.page, 1)
  await same(ann.page, bob.page)
  return [ann, bob]
}

test("keys choose tools from the start, and what one draws the other sees", async (t) => {
  const ann = await visitBoard(t, site, "keys")
  const bob = await visitBoard(t, site, "keys")
  for (const [i, key] of ["r", "d", "o", "a", "l", "p"].entries()) {
    await draw(ann.page, key, [300 + 120 * i, 250], [380 + 120 * i, 330])
  }
  const types = (await elementsWhen(bob.page, 6)).map(({ type }) => type)
  assert.deepEqual(types, ["rectangle", "diamond", "ellipse", "arrow", "line", "freedraw"])
  await saved(ann.page)
  await same(ann.page, bob.page)
})

test("a move and a recolour at once both stay, and each undoes only their own", async (t) => {
  const [ann, bob] = await pair(t, "both")
  const before = await only(ann.page)
  await take(ann.page, [120, 80])
  await redden(bob.page)
  await ann.page.mouse.up()
  const both = async (page: Page, moved: boolean, red: boolean) =>
    until(`moved ${moved}, red ${red}`, async () => {
      const { x, strokeColor } = await only(page)
      return Math.abs(x - before.x) > 60 === moved && (strokeColor === "#e03131") === red
    })
  for (const { page } of [ann, bob]) await both(page, true, true)
  await ann.page.keyboard.press("Control+z")
  for (const { page } of [ann, bob]) await both(page, false, true)
  await ann.page.keyboard.press("Control+Shift+z")
  for (const { page } of [ann, bob]) await both(page, true, true)
  await bob.page.keyboard.press("Control+z")
  for (const { page } of [ann, bob]) await both(page, true, false)
  await same(ann.page, bob.page)
})

test("what is deleted while somebody moves it is gone, and comes back where it was moved to", async (t) => {
  const [ann, bob] = await pair(t, "deleted")
  const before = await only(ann.page)
  await take(ann.page, [150, 60])
  await bob.page.keyboard.press("v")
  await bob.page.mouse.click(...(await handleOf(bob.page, before.id)))
  await bob.page.keyboard.press("Delete")
  await elementsWhen(bob.page, 0)
  await ann.page.mouse.up()
  for (const { page } of [ann, bob]) await elementsWhen(page, 0)
  await bob.page.keyboard.press("Control+z")
  for (const { page } of [ann, bob]) assert.ok(Math.abs((await only(page)).x - before.x) > 60)
  await same(ann.page, bob.page)
})

test("a stroke is seen while it is drawn, and the other draws meanwhile", async (t) => {
  const ann = await visitBoard(t, site, "stroke")
  const bob = await visitBoard(t, site, "stroke")
  await ann.page.keyboard.press("p")
  await ann.page.mouse.move(300, 300)
  await ann.page.mouse.down()
  await ann.page.mouse.move(500, 400, { steps: 20 })
  const seen = async () => ((await elementsOf(bob.page))[0] as Element | undefined)?.points?.length ?? 0
  await until("the other sees it", async () => (await seen()) > 10)
  const sofar = await seen()
  await draw(bob.page, "o", [600, 300], [700, 400])
  await ann.page.mouse.move(300, 500, { steps: 20 })
  await until("it grows", async () => (await seen()) > sofar + 10)
  await ann.page.mouse.up()
  for (const { page } of [ann, bob]) await elementsWhen(page, 2)
  await saved(ann.page)
  await same(ann.page, bob.page)
  const indexes = (await elementsOf(ann.page)).map((element) => (element as Element).index)
  assert.equal(new Set(indexes).size, 2)
})

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
  const edit = async ({ page }: Visitor) => {
    const [x, y] = await handleOf(page, text.id)
    await page.mouse.dblclick(x, y + text.height / 2)
    await page.locator("textarea.excalidraw-wysiwyg").waitFor()
  }
  await edit(ann)
  await edit(bob)
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

test("a cursor is seen with a name and a colour unlike one's own, and gone when its owner goes", async (t) => {
  const ann = await visitBoard(t, site, "cursor")
  const bob = await visitBoard(t, site, "cursor")
  const name = await ann.page.evaluate(() => JSON.parse(localStorage.getItem("baton.me") ?? "{}").name)
  await ann.page.mouse.move(500, 300)
  const cursor = bob.page.locator(".cursor")
  await cursor.waitFor()
  assert.equal(await cursor.textContent(), name)
  const placeOf = async () => (await cursor.boundingBox()) ?? { x: Number.NaN, y: Number.NaN }
  await until("it is where the pointer is", async () => {
    const { x, y } = await placeOf()
    return Math.abs(x - 500) < 3 && Math.abs(y - 300) < 3
  })
  await ann.page.mouse.move(700, 450, { steps: 5 })
  await until("it follows", async () => Math.abs((await placeOf()).x - 700) < 3)
  const colours = await bob.page
    .locator(".people .face")
    .evaluateAll((faces) => faces.map((f) => (f as HTMLElement).style.background))
  assert.equal(new Set(colours).size, 2)
  await ann.context.close()
  await until("it is gone", async () => (await cursor.count()) === 0)
})

test("who follows somebody sees what they see, until they look elsewhere by themselves", async (t) => {
  const [ann, bob] = await pair(t, "follow")
  const viewOf = async (who: Visitor) => {
    const { scrollX, scrollY, zoom } = await inPage(who, (desk) => desk.api.getAppState())
    return [scrollX, scrollY, 100 * zoom.value] as const
  }
  // A view is told in whole pixels.
  const near = (one: readonly number[], other: readonly number[]) =>
    one.every((n, i) => Math.abs(n - (other[i] as number)) < 2)
  await bob.page.getByRole("button", { name: /^Follow / }).click()
  await ann.page.mouse.move(600, 400)
  await ann.page.mouse.wheel(300, 250)
  await ann.page.keyboard.press("Control+=")
  await until("both see the same", async () => near(await viewOf(ann), await viewOf(bob)))
  assert.ok(!near(await viewOf(ann), [0, 0, 100]))
  await bob.page.mouse.move(600, 400)
  await bob.page.mouse.wheel(0, 200)
  await bob.page.locator('.face[aria-pressed="false"]').waitFor()
  const own = await viewOf(bob)
  await ann.page.mouse.wheel(100, 100)
  await bob.page.locator(".cursor").waitFor()
  assert.deepEqual(await viewOf(bob), own)
})

test("the others see what somebody has selected, and where their laser shines", async (t) => {
  const [ann, bob] = await pair(t, "laser")
  const shown = () =>
    bob.page.evaluate(() => {
      const { api } = window.baton as unknown as {
        api: {
          getAppState(): {
            collaborators: Map<
              string,
              { selectedElementIds: object; pointer?: { tool: string }; button: string }
            >
          }
        }
      }
      return [...api.getAppState().collaborators.values()][0]
    })
  const { id } = await only(ann.page)
  await until(
    "the selection is seen",
    async () => Object.keys((await shown())?.selectedElementIds ?? {}).join() === id,
  )
  await ann.page.keyboard.press("k")
  await ann.page.mouse.move(500, 500)
  await ann.page.mouse.down()
  await ann.page.mouse.move(600, 560, { steps: 5 })
  await until("the laser shines", async () => {
    const person = await shown()
    return person?.pointer?.tool === "laser" && person.button === "down"
  })
  await ann.page.mouse.up()
  await until("it is out", async () => (await shown())?.button === "up")
  assert.equal((await elementsOf(bob.page)).length, 1)
})

test("an arrow that hangs on a shape follows when somebody else moves the shape", async (t) => {
  const [ann, bob] = await pair(t, "arrow")
  await draw(ann.page, "a", [700, 350], [504, 350])
  await elementsWhen(bob.page, 2)
  await saved(ann.page)
  await bob.page.keyboard.press("v")
  const box = (await elementsOf(bob.page)).find(({ type }) => type === "rectangle") as Element
  const [x, y] = await handleOf(bob.page, box.id)
  const widthOf = async (page: Page) =>
    (await elementsOf(page)).find(({ type }) => type === "arrow")?.width ?? 0
  const before = await widthOf(ann.page)
  await bob.page.mouse.click(x, y)
  await bob.page.mouse.move(x, y)
  await bob.page.mouse.down()
  await bob.page.mouse.move(x - 100, y + 10, { steps: 6 })
  await bob.page.mouse.up()
  await until("it is longer for both", async () => (await widthOf(ann.page)) > before + 60)
  await saved(bob.page)
  await same(ann.page, bob.page)
})

test("what is drawn without network survives a reload, and is sent when it is back", async (t) => {
  const [ann, bob] = await pair(t, "reload", true)
  // Pages come from the relay; only what goes over the WebSocket is lost.
  await inPage(ann, (desk) => desk.session.connection.pause())
  await draw(ann.page, "p", [600, 300], [700, 400])
  await draw(ann.page, "o", [600, 450], [700, 550])
  await until("it says so", async () =>
    /Offline, \d+ to send/.test((await ann.page.getByTestId("savestate").textContent()) ?? ""),
  )
  assert.equal((await elementsOf(bob.page)).length, 1)
  ann.proxy?.hold()
  await ann.page.evaluate(() => location.reload()).catch(() => {})
  ann.proxy?.release()
  await elementsWhen(bob.page, 3)
  await atDesk(ann)
  await elementsWhen(ann.page, 3)
  await same(ann.page, bob.page)
})

test("the relay is killed and comes back: what was drawn meanwhile is there for both", async (t) => {
  const [ann, bob] = await pair(t, "killed", true)
  await site.relay.kill()
  await draw(ann.page, "o", [600, 300], [700, 400])
  await draw(bob.page, "d", [600, 450], [700, 550])
  for (const { page } of [ann, bob]) await page.getByText(/Offline, \d+ to send/).waitFor()
  await site.relay.start()
  for (const { page } of [ann, bob]) await elementsWhen(page, 3)
  for (const { page } of [ann, bob])
    await page.getByTestId("savestate").getByText("Saved").waitFor({ timeout: 40_000 })
  await same(ann.page, bob.page)
})

test("after a minute offline on both sides all is merged", async (t) => {
  const [ann, bob] = await pair(t, "minute", true)
  for (const { proxy } of [ann, bob]) {
    proxy?.refuse(true)
    proxy?.cut()
  }
  const over = Date.now() + 60_000
  await redden(ann.page)
  await draw(ann.page, "o", [600, 300], [700, 400])
  await take(bob.page, [100, 120])
  await bob.page.mouse.up()
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
