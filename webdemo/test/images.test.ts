import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { inPage, visitBoard } from "./harness/desk.ts"
import { elementsWhen, saved } from "./harness/draw.ts"
import { noNetwork, type Site, startSite, type Visitor } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Pastes a picture of noise, which no compression makes smaller, with sides of so many pixels. */
async function paste(page: Page, side: number, seed = 1): Promise<void> {
  await page.evaluate(
    async ([side, seed]) => {
      const canvas = new OffscreenCanvas(side, side)
      const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D
      const noise = context.createImageData(side, side)
      let state = seed
      for (let i = 0; i < noise.data.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        noise.data[i] = i % 4 === 3 ? 255 : state >>> 24
      }
      context.putImageData(noise, 0, 0)
      const file = new File([await canvas.convertToBlob({ type: "image/png" })], "noise.png", {
        type: "image/png",
      })
      const data = new DataTransfer()
      data.items.add(file)
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }))
    },
    [side, seed] as const,
  )
}

/** The pictures that a page has, by id. */
function picturesOf({ page }: Pick<Visitor, "page">): Promise<Record<string, string>> {
  return page.evaluate(() => {
    const { api } = window.baton as unknown as { api: { getFiles(): Record<string, { dataURL: string }> } }
    return Object.fromEntries(Object.entries(api.getFiles()).map(([id, { dataURL }]) => [id, dataURL]))
  })
}

test("a picture comes to the others in slices, whole, and is there after a reload", async (t) => {
  const ann = await visitBoard(t, site, "picture")
  const bob = await visitBoard(t, site, "picture")
  await ann.page.mouse.move(600, 400)
  await paste(ann.page, 600)
  await elementsWhen(bob.page, 1)
  await until("the picture is there", async () => Object.keys(await picturesOf(bob)).length === 1)
  assert.deepEqual(await picturesOf(bob), await picturesOf(ann))
  const files = await inPage(bob, (desk) =>
    Object.entries(desk.session.board.doc.files).map(([key, value]) => [key, (value as Uint8Array).length]),
  )
  t.diagnostic(JSON.stringify(files))
  const slices = files.filter(([key]) => /\/\d+$/.test(String(key)))
  assert.ok(slices.length >= 4, "it came as one")
  for (const [key, length] of slices) assert.ok(Number(length) <= 256 * 1024, `${key} has ${length} bytes`)
  await saved(ann.page)
  await bob.page.reload()
  await until("it is there again", async () => Object.keys(await picturesOf(bob)).length === 1)
  assert.deepEqual(await picturesOf(bob), await picturesOf(ann))
})

test("while a picture is on its way there is a placeholder, and it is drawn once it is whole", async (t) => {
  const ann = await visitBoard(t, site, "half", { proxied: true, expect: noNetwork })
  const bob = await visitBoard(t, site, "half")
  await ann.page.mouse.move(600, 400)
  ann.proxy?.throttle(300_000) // bytes a second: the shape comes long before all of the picture
  await paste(ann.page, 600)
  await elementsWhen(bob.page, 1)
  assert.deepEqual(await picturesOf(bob), {})
  ann.proxy?.throttle(Number.POSITIVE_INFINITY)
  await until("it is whole", async () => Object.keys(await picturesOf(bob)).length === 1, { timeout: 20_000 })
})

test("two who paste the same picture at once write it once", async (t) => {
  const ann = await visitBoard(t, site, "twice")
  const bob = await visitBoard(t, site, "twice")
  for (const { page } of [ann, bob]) await page.mouse.move(600, 400)
  for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.pause())
  await Promise.all([paste(ann.page, 200, 7), paste(bob.page, 200, 7)])
  for (const who of [ann, bob]) await elementsWhen(who.page, 1)
  for (const who of [ann, bob]) await inPage(who, (desk) => desk.session.connection.resume())
  for (const who of [ann, bob]) await elementsWhen(who.page, 2)
  for (const who of [ann, bob]) await saved(who.page)
  const keys = await inPage(ann, (desk) => Object.keys(desk.session.board.doc.files))
  assert.equal(new Set(keys.map((key) => key.split("/")[0])).size, 1)
  assert.equal(Object.keys(await picturesOf(bob)).length, 1)
})
