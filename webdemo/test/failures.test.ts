import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { atDesk, inPage, visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, elementsWhen, same, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

test("an error of the page leaves the canvas, one of the canvas leaves the page and what was drawn, and both are said", async (t) => {
  const ann = await visitBoard(t, site, "errors", { expect: [/sabotage/, /zoom|null/] })
  const bob = await visitBoard(t, site, "errors")
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(bob.page, 1)
  // Each part of the page that Excalidraw calls fails.
  await inPage(ann, ({ scene }) => {
    const sabotage = () => {
      throw new Error("sabotage")
    }
    const { company, carry, files } = window.baton as unknown as Record<string, Record<string, unknown>>
    Object.assign(scene, { changed: sabotage })
    Object.assign(carry ?? {}, { changed: sabotage })
    Object.assign(company ?? {}, { looked: sabotage, pointed: sabotage })
    Object.assign(files ?? {}, { write: sabotage })
  })
  await draw(ann.page, "o", [600, 300], [700, 400])
  await ann.page.mouse.wheel(0, 50)
  await elementsWhen(ann.page, 2)
  await ann.page.getByText("An error in this page:").waitFor()
  assert.equal((await elementsOf(bob.page)).length, 1)

  // Excalidraw itself fails: what it had is written, and it begins anew with that.
  await inPage(ann, ({ api }) => void api.updateScene({ appState: { zoom: null } }))
  const failed = ann.page.getByRole("alert").filter({ hasText: "The whiteboard stopped" })
  await failed.waitFor()
  await elementsWhen(bob.page, 2)
  await ann.page.getByTestId("savestate").filter({ hasText: "Saved" }).waitFor()
  await failed.getByRole("button", { name: "Show it again" }).click()
  await atDesk(ann)
  await elementsWhen(ann.page, 2)
  await draw(ann.page, "d", [400, 450], [500, 550])
  await elementsWhen(bob.page, 3)
  await saved(ann.page)
  await same(ann.page, bob.page)
})
