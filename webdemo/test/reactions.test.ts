import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { atDesk, inPage, visitBoard } from "./harness/desk.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Counts the reactions that were ever shown in a page, from now on. */
async function countShown(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const seen = new Set<Node>()
    Object.assign(window, { reactionsSeen: seen })
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        for (const node of addedNodes) if ((node as Element).classList?.contains("reaction")) seen.add(node)
      }
    }).observe(document.body, { childList: true, subtree: true })
  })
  return () => page.evaluate(() => (window as unknown as { reactionsSeen: Set<Node> }).reactionsSeen.size)
}

test("a reaction is seen here at once and by the other with its sender's name, goes, and is not kept", async (t) => {
  const ann = await visitBoard(t, site, "react")
  const bob = await visitBoard(t, site, "react")
  await ann.page.getByRole("button", { name: /^Follow / }).waitFor()
  const name = await ann.page.evaluate(() => JSON.parse(localStorage.getItem("baton.me") ?? "{}").name)
  await bob.page.getByRole("button", { name: `Follow ${name}` }).waitFor()
  await ann.page.getByRole("button", { name: "React" }).click()
  await ann.page.getByRole("button", { name: "Party" }).click()
  await ann.page.locator(".reaction").waitFor()
  await bob.page.locator(".reaction").waitFor()
  assert.equal(await bob.page.locator(".reaction-emoji").textContent(), "🎉")
  assert.equal(await bob.page.locator(".reaction-name").textContent(), name)
  await bob.page.locator(".reaction").waitFor({ state: "detached" })
  await ann.page.locator(".reaction").waitFor({ state: "detached" })

  await bob.page.reload()
  const shown = await countShown(bob.page)
  await atDesk(bob)
  await ann.page.keyboard.press("2")
  await bob.page.locator(".reaction").waitFor()
  assert.equal(await bob.page.locator(".reaction-emoji").textContent(), "❤️")
  assert.equal(await shown(), 1, "the one from before the reload does not come again")
})

test("while the palette is open, digits react at the pointer and choose no tool", async (t) => {
  const ann = await visitBoard(t, site, "digits")
  const { page } = ann
  await page.getByRole("button", { name: "React" }).click()
  await page.locator("canvas.interactive").hover({ position: { x: 700, y: 400 } })
  await page.keyboard.press("1")
  const box = await page.locator(".reaction").boundingBox()
  const canvas = await page.locator(".canvas").boundingBox()
  assert.ok(box && canvas)
  assert.ok(Math.abs(box.x - canvas.x - 700) < 2 && Math.abs(box.y - canvas.y - 400) < 2, JSON.stringify(box))
  assert.equal(await inPage(ann, (desk) => desk.api.getAppState().activeTool.type), "selection")
  await page.keyboard.press("Escape")
  await page.getByRole("button", { name: "Party" }).waitFor({ state: "detached" })
  await page.keyboard.press("2")
  assert.equal(await inPage(ann, (desk) => desk.api.getAppState().activeTool.type), "rectangle")
})

test("of one who sends without measure five a second are shown, and nothing that makes no sense", async (t) => {
  const ann = await visitBoard(t, site, "flood")
  const bob = await visitBoard(t, site, "flood")
  const shown = await countShown(bob.page)
  await inPage(ann, (desk) => {
    const send = (data: unknown) => desk.session.board.document.publish("reaction", data)
    for (const data of [
      null,
      "👍",
      { emoji: "💣", x: 0, y: 0 },
      { emoji: "👍", x: "0", y: 0 },
      { emoji: "👍", x: 0 },
      { emoji: ["👍"], x: 0, y: 0 },
      { emoji: "👍", x: 1e9, y: 0 },
    ])
      send(data)
    for (let i = 0; i < 40; i++) send({ emoji: "👀", x: 100 + i, y: 100 })
  })
  await until("five are shown", async () => (await shown()) === 5)
  await bob.page.locator(".reaction").first().waitFor({ state: "detached" })
  assert.equal(await shown(), 5)
})

test("without a connection there is nobody to react to", async (t) => {
  const ann = await visitBoard(t, site, "alone")
  await ann.page.getByRole("button", { name: "React" }).click()
  await ann.page.evaluate(() => window.baton?.session.connection.pause())
  await ann.page.getByRole("button", { name: "React" }).and(ann.page.locator(":disabled")).waitFor()
  await ann.page.getByRole("button", { name: "Party" }).waitFor({ state: "detached" })
})

test("where motion is not wanted, a reaction stays in its place", async (t) => {
  const { page } = await visitBoard(t, site, "still", { reducedMotion: "reduce" })
  await page.getByRole("button", { name: "React" }).click()
  await page.keyboard.press("3")
  const float = page.locator(".reaction-float")
  assert.equal(await float.evaluate((node) => getComputedStyle(node).animationName), "reaction-fade")
})
