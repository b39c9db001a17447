import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { complaints } from "./harness/axe.ts"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** What remains: on Excalidraw's menu items stand their shortcuts, which their names lack. */
const shortcut = /^label-content-name-mismatch: .* class="dropdown-menu-item /

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

for (const [what, options] of [
  ["a screen", {}],
  ["a phone", phone],
  ["a dark screen", { colorScheme: "dark" as const }],
] as const) {
  test(`axe finds nothing wrong with a board on ${what}, with its menu, and with an element selected`, async (t) => {
    const { page } = await visitBoard(t, site, `axe-${what.replaceAll(" ", "-")}`, options)
    assert.deepEqual(await complaints(page), [])
    await draw(page, "r", [260, 300], [360, 400])
    await elementsWhen(page, 1)
    await saved(page)
    assert.deepEqual(await complaints(page), [])
    await page.keyboard.press("Escape")
    await page.getByRole("button", { name: "Menu" }).click()
    await page.getByText("New board").waitFor()
    assert.deepEqual(
      (await complaints(page)).filter((complaint) => !shortcut.test(complaint)),
      [],
    )
  })
}

test("no link on a board leads to another host", async (t) => {
  const { page, url } = await visitBoard(t, site, "links")
  await page.keyboard.press("?")
  await page.getByRole("heading", { name: "Help" }).waitFor()
  await page.getByText("Keyboard shortcuts").waitFor()
  const hrefs = await page
    .locator("a:visible")
    .evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href))
  assert.deepEqual(
    hrefs.filter((href) => !href.startsWith(url)),
    [],
  )
})
