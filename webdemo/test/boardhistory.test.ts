import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { complaints } from "./harness/axe.ts"
import { inPage, visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen, same, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** One draws a rectangle, and then the other an ellipse. */
async function drawInTurns(one: Page, other: Page): Promise<void> {
  await draw(one, "r", [400, 300], [500, 400])
  await saved(one)
  await elementsWhen(other, 1)
  await draw(other, "o", [600, 300], [700, 400])
  await saved(other)
  await elementsWhen(one, 2)
}

/** Opens the history and waits until the past is there. */
async function openHistory(page: Page): Promise<void> {
  await page.getByRole("button", { name: "History" }).click()
  await page.getByTestId("moment").waitFor()
}

/** Goes back moment by moment until what is said of it matches; at most so many steps. */
async function goBack(page: Page, until: RegExp, most = 100): Promise<void> {
  for (let i = 0; i < most; i++) {
    if (until.test((await page.getByTestId("moment").textContent()) ?? "")) return
    await page.getByLabel("Moment").press("ArrowLeft")
  }
  throw new Error(`no moment is ${until}`)
}

test("the past is shown with who drew it, and goes back to what is now", async (t) => {
  const ann = await visitBoard(t, site, "past")
  const bob = await visitBoard(t, site, "past")
  const nameOf = (page: Page) =>
    page.evaluate(() => JSON.parse(localStorage.getItem("baton.me") ?? "{}").name)
  const [annName, bobName] = [await nameOf(ann.page), await nameOf(bob.page)]
  await drawInTurns(ann.page, bob.page)

  await openHistory(ann.page)
  const moment = ann.page.getByTestId("moment")
  assert.match((await moment.textContent()) ?? "", new RegExp(bobName))
  await goBack(ann.page, new RegExp(annName))
  assert.match((await moment.textContent()) ?? "", new RegExp(annName))
  await ann.page.getByLabel("Who drew what").check()
  await goBack(ann.page, /The start/)
  await ann.page.getByRole("button", { name: "Play" }).click()
  await until(
    "it has played to the end",
    async () => /(\d+) of \1$/.test((await moment.textContent()) ?? ""),
    {
      timeout: 30_000,
    },
  )
  assert.deepEqual(
    (await complaints(ann.page)).filter((complaint) => !complaint.includes("excalidraw")),
    [],
  )
  await ann.page.getByRole("button", { name: "Back to now" }).click()
  await draw(ann.page, "d", [400, 500], [500, 600])
  await elementsWhen(bob.page, 3)
})

test("what others do while one looks at the past is there when one comes back", async (t) => {
  const ann = await visitBoard(t, site, "meanwhile")
  const bob = await visitBoard(t, site, "meanwhile")
  await draw(ann.page, "r", [400, 300], [500, 400])
  await saved(ann.page)
  await openHistory(ann.page)
  await ann.page.keyboard.press("Home")
  await draw(bob.page, "o", [600, 300], [700, 400])
  await saved(bob.page)
  await ann.page.getByRole("button", { name: "Back to now" }).click()
  await elementsWhen(ann.page, 2)
})

test("a past that is restored comes to everybody as new ops, and undo takes that back", async (t) => {
  const ann = await visitBoard(t, site, "restore")
  const bob = await visitBoard(t, site, "restore")
  await drawInTurns(ann.page, bob.page)
  const place = () => inPage(bob, (desk) => Object.keys(desk.session.board.doc.elements).length)
  assert.equal(await place(), 2)

  await openHistory(ann.page)
  await ann.page.keyboard.press("Home")
  await ann.page.getByRole("button", { name: "Restore this" }).click()
  await ann.page.getByRole("dialog").getByRole("button", { name: "Restore" }).click()
  await elementsWhen(bob.page, 0)
  await elementsWhen(ann.page, 0)
  await ann.page.keyboard.press("Control+z")
  await elementsWhen(bob.page, 2)
  await same(ann.page, bob.page)
})
