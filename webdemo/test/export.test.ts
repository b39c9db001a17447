import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

declare global {
  interface Window {
    exported: { name: string; base64: string }[]
  }
}

/** Has the page put what it saves where a test finds it, in place of the dialog for files. */
async function catchFiles(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.exported = []
    const picker = async ({ suggestedName = "" }) => {
      const parts: BlobPart[] = []
      const done = async () => {
        const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
        window.exported.push({
          name: suggestedName,
          base64: btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join("")),
        })
      }
      // A stream of what browsers give for files: one may write to it, or pipe into it.
      const write = (part: BlobPart) => void parts.push(part)
      const createWritable = async () =>
        Object.assign(new WritableStream<BlobPart>({ write, close: done }), { write })
      return { kind: "file", name: suggestedName, createWritable }
    }
    Object.assign(window, { showSaveFilePicker: picker })
  })
  await page.reload()
  await page.waitForFunction(() => window.baton)
}

/** Waits for a file of an ending and returns what is in it. */
async function exported(page: Page, ending: string): Promise<Buffer> {
  await page.waitForFunction((ending) => window.exported.some(({ name }) => name.endsWith(ending)), ending)
  const base64 = await page.evaluate(
    (ending) => window.exported.find(({ name }) => name.endsWith(ending))?.base64,
    ending,
  )
  return Buffer.from(base64 ?? "", "base64")
}

test("a board is exported as PNG, as SVG with its fonts, and as a file that comes in again", async (t) => {
  const { page } = await visitBoard(t, site, "export")
  await catchFiles(page)
  await draw(page, "r", [400, 300], [500, 400])
  await page.keyboard.press("t")
  await page.mouse.click(600, 300)
  await page.keyboard.type("words")
  await page.keyboard.press("Escape")
  await page.keyboard.press("Escape")
  await elementsWhen(page, 2)
  await saved(page)

  await page.getByRole("button", { name: "Menu" }).click()
  await page.getByTestId("image-export-button").click()
  await page.getByRole("button", { name: "Export to PNG" }).click()
  const png = await exported(page, ".png")
  assert.equal(png.subarray(1, 4).toString(), "PNG")
  assert.match(await page.evaluate(() => window.exported[0]?.name ?? ""), /^export/)
  await page.getByRole("button", { name: "Export to SVG" }).click()
  const svg = (await exported(page, ".svg")).toString()
  assert.match(svg, /<text[^>]*>words<\/text>/)
  assert.match(svg, /@font-face[^}]*Excalifont[^}]*url\(data:font\/woff2;base64,/)
  assert.doesNotMatch(svg, /url\(https?:/)
  await page.locator(".Modal__background").click({ position: { x: 5, y: 5 } })

  await page.getByRole("button", { name: "Menu" }).click()
  const download = page.waitForEvent("download")
  await page.getByText("Export as a file").click()
  const given = await download
  assert.equal(given.suggestedFilename(), "export.excalidraw")
  const file = await readFile(await given.path())
  assert.equal(JSON.parse(file.toString()).elements.length, 2)
  await page
    .getByLabel("Import an Excalidraw file")
    .setInputFiles({ name: "again.excalidraw", mimeType: "application/json", buffer: file })
  await elementsWhen(page, 4)
})
