// Pictures of the site as people see it, for the README and for looking at what changed:
//
//	npm run pictures
//
// They go to build/pictures.

import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { launch } from "../../client/js/test/harness/browser.ts"
import { projectFolder } from "../../client/js/test/harness/place.ts"
import { startProxy } from "../../client/js/test/harness/proxy.ts"
import { startRelay } from "../../client/js/test/harness/relay.ts"
import "./harness/desk.ts"
import { draw, elementsWhen, saved } from "./harness/draw.ts"

const folder = join(projectFolder, "webdemo", "build", "pictures")
const desktop = { viewport: { width: 1280, height: 800 } }
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** Somebody at a browser of their own. */
async function person(
  browser: Browser,
  url: string,
  name: string,
  colour: string,
  options: BrowserContextOptions = desktop,
): Promise<Page> {
  const context = await browser.newContext(options)
  await context.addInitScript((me) => localStorage.setItem("baton.me", JSON.stringify(me)), { name, colour })
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction(() => window.baton || document.querySelector(".cm-content"))
  return page
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`) })
  console.log(`build/pictures/${name}.png`)
}

/** A note on the board, with a text in it. */
async function note(page: Page, at: [number, number], fill: string, text: string): Promise<void> {
  const [x, y] = at
  await draw(page, "r", at, [x + 150, y + 90])
  await page.keyboard.press("Enter")
  await page.keyboard.type(text)
  await page.keyboard.press("Escape")
  await page.evaluate((fill) => {
    const { api } = window.baton as unknown as {
      api: { getSceneElements(): { type: string; version: number }[]; updateScene(scene: object): void }
    }
    const elements = api.getSceneElements()
    const last = elements.findLastIndex(({ type }) => type === "rectangle")
    const look = { backgroundColor: fill, fillStyle: "solid", strokeColor: "#343a40" }
    api.updateScene({
      elements: elements.map((e, i) =>
        i === last ? { ...e, ...look, version: e.version + 1, versionNonce: 1 } : e,
      ),
      captureUpdate: "IMMEDIATELY",
    })
  }, fill)
  await page.keyboard.press("Escape")
}

/** Writes by hand: a stroke through these places. */
async function stroke(page: Page, places: [number, number][]): Promise<void> {
  await page.keyboard.press("p")
  await page.mouse.move(...(places[0] as [number, number]))
  await page.mouse.down()
  for (const place of places) await page.mouse.move(...place, { steps: 5 })
  await page.mouse.up()
  await page.keyboard.press("v")
}

await mkdir(folder, { recursive: true })
const relay = await startRelay()
const proxy = await startProxy(relay.port)
const browser = await launch()
try {
  const board = `${relay.url}/board/amber-lantern-river-maple-kite`
  const ann = await person(browser, board, "Ann", "#d92626")
  const bob = await person(browser, board, "Bob", "#1971c2")
  const eve = await person(browser, `${proxy.url}/board/amber-lantern-river-maple-kite`, "Eve", "#2b8a3e")
  await ann.keyboard.press("t")
  await ann.mouse.click(300, 150)
  await ann.keyboard.type("Launch week")
  await ann.keyboard.press("Escape")
  await ann.keyboard.press("Escape")
  await note(ann, [300, 220], "#ffec99", "Write the docs")
  await note(bob, [540, 220], "#b2f2bb", "Tests are green")
  await note(eve, [780, 220], "#a5d8ff", "Tell everybody")
  await draw(bob, "a", [452, 265], [536, 265])
  await draw(bob, "a", [692, 265], [776, 265])
  await note(eve, [420, 400], "#ffc9c9", "Measure, then say it")
  await draw(eve, "o", [700, 400], [860, 490])
  await stroke(ann, [
    [960, 420],
    [985, 450],
    [1040, 370],
  ])
  for (const page of [ann, bob, eve]) await saved(page)
  await elementsWhen(ann, 13)
  for (const page of [ann, bob, eve]) await page.keyboard.press("Escape")
  await bob.keyboard.press("v")
  await bob.mouse.click(600, 221)
  await bob.mouse.move(640, 340)
  await eve.mouse.move(900, 520)
  await ann.mouse.move(1100, 640)
  await ann.locator(".cursor").nth(1).waitFor()
  await picture(ann, "board")

  await ann.keyboard.press("c")
  await ann.mouse.click(900, 320)
  await ann.getByRole("textbox").last().fill("On Tuesday or on Thursday?")
  await ann.keyboard.press("Enter")
  await bob.locator(".pin, [class*=pin]").first().click()
  await bob.getByRole("textbox").last().fill("Thursday. The blog post needs a day.")
  await bob.keyboard.press("Enter")
  await ann.getByText("Thursday. The blog").waitFor()
  await picture(ann, "comments")
  await ann.keyboard.press("Escape")

  await ann.getByRole("button", { name: "History" }).click()
  await ann.getByTestId("moment").waitFor()
  const slider = await ann.getByLabel("Moment").boundingBox()
  if (slider) await ann.mouse.click(slider.x + slider.width * 0.55, slider.y + slider.height / 2)
  await ann.getByLabel("Who drew what").check()
  await ann.waitForTimeout(300)
  await picture(ann, "history")
  await ann.getByRole("button", { name: "Back to now" }).click()

  proxy.refuse(true)
  proxy.cut()
  await draw(eve, "d", [960, 540], [1060, 620])
  await eve.getByText(/Offline, \d+ to send/).waitFor()
  await picture(eve, "offline")

  const small = await person(browser, board, "Kim", "#7048e8", phone)
  await elementsWhen(small, 13)
  await small.waitForTimeout(500)
  await picture(small, "phone")
  const dark = await person(browser, board, "Lee", "#0b7285", { ...desktop, colorScheme: "dark" })
  await elementsWhen(dark, 13)
  await dark.waitForTimeout(500)
  await picture(dark, "dark")

  const text = `${relay.url}/text/amber-lantern-river-maple-kite`
  const writer = await person(browser, text, "Ann", "#d92626")
  const reader = await person(browser, text, "Bob", "#1971c2")
  await writer.locator(".cm-content").click()
  await writer.keyboard.insertText(
    "# Launch week\n\nWhat we want to *show*, and who does it.\n\n- [x] docs\n- [ ] figures\n- [ ] a film\n\n| who | what |\n| --- | --- |\n| Ann | the words |\n| Bob | the numbers |\n\n",
  )
  await reader.getByText("the numbers").first().waitFor()
  await reader.locator(".cm-content").click()
  await reader.keyboard.press("Control+End")
  await reader.keyboard.type("Bob was here.")
  await writer.getByLabel("Preview").getByText("Bob was here.").waitFor()
  await picture(writer, "text")

  const start = await ann.context().newPage()
  await ann.waitForTimeout(3500) // until the board has its small picture
  await start.goto(relay.url)
  await start.waitForTimeout(500)
  await picture(start, "start")
  await start.goto(`${board}?split`)
  await start.waitForTimeout(2500)
  await picture(start, "split")
} finally {
  await browser.close()
  await proxy.close()
  await relay.close()
}
