import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Frame, Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { complaints } from "./harness/axe.ts"
import "./harness/desk.ts"
import { draw } from "./harness/draw.ts"
import { type Site, saveState, startSite, visit } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** The board of a side, and what it is told. */
async function side(page: Page, person: number): Promise<{ frame: Frame; told: () => Promise<unknown[]> }> {
  const frame = await until(`side ${person} is there`, () =>
    page.frames().find((frame) => frame.url().endsWith(`?person=${person}`)),
  )
  await frame.waitForLoadState("load")
  const hear = () => {
    const told: unknown[] = []
    Object.assign(window, { told })
    addEventListener("message", ({ data, origin }) => {
      if (data?.baton) told.push({ ...data, origin })
    })
  }
  await frame.evaluate(hear)
  return { frame, told: () => frame.evaluate(() => (window as unknown as { told: unknown[] }).told) }
}

test("two boards of the same name stand side by side, each with a person of its own", async (t) => {
  const { page, url } = await visit(t, site, "/board/one-two?split")
  await side(page, 1)
  await side(page, 2)
  assert.deepEqual(
    page.frames().map((frame) => frame.url()),
    [`${url}/board/one-two?split`, `${url}/board/one-two?person=1`, `${url}/board/one-two?person=2`],
  )
  for (const frame of page.frames().slice(1)) await frame.locator("canvas").first().waitFor()
})

test("each is told, and it alone, when it is cut off and connected again", async (t) => {
  const { page, url } = await visit(t, site, "/board/one-two?split")
  const [you, other] = [await side(page, 1), await side(page, 2)]
  const word = (baton: string) => ({ baton, origin: url })
  await page.getByRole("button", { name: "Cut this one off: You" }).click()
  await until("one is told", async () => (await you.told()).length === 1)
  await page.getByRole("status").getByText("Cut off").waitFor()
  await page.getByRole("button", { name: "Connect it again: You" }).click()
  await page.getByRole("button", { name: "Cut this one off: Also you" }).click()
  await until(
    "both are told",
    async () => (await you.told()).length === 2 && (await other.told()).length === 1,
  )
  assert.deepEqual(await you.told(), [word("pause"), word("resume")])
  assert.deepEqual(await other.told(), [word("pause")])
})

test("a name that no board can have is said to be none", async (t) => {
  const { page } = await visit(t, site, "/board/-x?split")
  await page.getByRole("heading", { name: "No board can have this name" }).waitFor()
  assert.equal(page.frames().length, 1)
  assert.deepEqual(await complaints(page), [])
})

test("on a phone they stand one above the other, and each has room", async (t) => {
  const { page } = await visit(t, site, "/board/one-two?split", { viewport: { width: 360, height: 740 } })
  const boxes = await Promise.all((await page.locator("iframe").all()).map((frame) => frame.boundingBox()))
  assert.equal(boxes.length, 2)
  for (const box of boxes) assert.ok(box && box.width > 320 && box.height > 240, JSON.stringify(box))
  assert.ok((boxes[1]?.y ?? 0) > (boxes[0]?.y ?? 0) + (boxes[0]?.height ?? 0))
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong with the two sides in ${colorScheme}`, async (t) => {
    const { page } = await visit(t, site, "/board/one-two?split", { colorScheme })
    await page.getByRole("button", { name: "Cut this one off: You" }).click()
    assert.deepEqual(await complaints(page), [])
  })
}

test("what both draw while one is cut off is merged when it is connected again", async (t) => {
  const { page } = await visit(t, site, "/board/merge?split")
  const [you, other] = [await side(page, 1), await side(page, 2)]
  for (const { frame } of [you, other]) {
    await frame.waitForFunction(() => window.baton?.session.board.document.status.state === "live")
  }
  const box = (at: number) => page.frameLocator("iframe").nth(at).locator("canvas.interactive")
  const rectangle = async (at: number, y: number) => {
    const canvas = await box(at).boundingBox()
    assert.ok(canvas)
    const [x, top] = [canvas.x + 150, canvas.y + y]
    await box(at).click({ position: { x: 100, y: 400 } })
    await draw(page, "r", [x, top], [x + 80, top + 60])
  }
  const countIn = async ({ frame }: { frame: Frame }) =>
    frame.evaluate(() => window.baton?.api.getSceneElements().length ?? 0)
  await page.getByRole("button", { name: "Cut this one off: You" }).click()
  await rectangle(0, 150)
  await rectangle(1, 250)
  await until("each has its own", async () => (await countIn(you)) === 1 && (await countIn(other)) === 1)
  await saveState(you.frame, /^Offline, \d+ to send$/)
  await page.getByRole("button", { name: "Connect it again: You" }).click()
  await until("both have both", async () => (await countIn(you)) === 2 && (await countIn(other)) === 2)
})
