import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { sceneIn } from "../src/board/scenein.ts"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, elementsWhen, saved } from "./harness/draw.ts"
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

async function drawBoxAnd(page: Page, words: string): Promise<void> {
  await draw(page, "r", [400, 300], [500, 400])
  await page.keyboard.press("t")
  await page.mouse.click(600, 300)
  await page.keyboard.type(words)
  await page.keyboard.press("Escape")
  await page.keyboard.press("Escape")
  await elementsWhen(page, 2)
}

test("a board is exported as PNG, as SVG with its fonts, and as a file that comes in again", async (t) => {
  const { page } = await visitBoard(t, site, "export")
  await catchFiles(page)
  await drawBoxAnd(page, "words")
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

/** Puts another scene into a PNG, before the one that it has. */
function withScene(png: Buffer, scene: string): Buffer {
  const encoded = Buffer.from(scene).toString("latin1")
  const text = JSON.stringify({ version: "1", encoding: "bstring", compressed: false, encoded })
  const data = Buffer.from(`application/vnd.excalidraw+json\0${text}`, "latin1")
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const behindHead = 33
  const chunk = Buffer.concat([length, Buffer.from("tEXt"), data, Buffer.alloc(4)])
  return Buffer.concat([png.subarray(0, behindHead), chunk, png.subarray(behindHead)])
}

test("a picture that carries its scene comes in again, though one of its elements is odd", async (t) => {
  const { page } = await visitBoard(t, site, "carrying")
  await catchFiles(page)
  await drawBoxAnd(page, "wörds 😀")
  await page.mouse.click(900, 600) // of what is selected it would be a picture
  await page.getByRole("button", { name: "Menu" }).click()
  await page.getByTestId("image-export-button").click()
  await page.locator("[name=exportEmbedSwitch]").click()
  await page.getByRole("button", { name: "Export to PNG" }).click()
  const png = await exported(page, ".png")
  await page.getByRole("button", { name: "Export to SVG" }).click()
  const svg = await exported(page, ".svg")
  await page.locator(".Modal__background").click({ position: { x: 5, y: 5 } })

  const scene = await sceneIn(new Blob([new Uint8Array(png)], { type: "image/png" }))
  assert.match(scene, /wörds 😀/)
  const odd = JSON.parse(scene)
  odd.elements[0].index = "no index"
  const files: [name: string, mimeType: string, buffer: Buffer][] = [
    ["again.png", "image/png", png],
    ["again.svg", "image/svg+xml", svg],
    ["odd.png", "image/png", withScene(png, JSON.stringify(odd))],
  ]
  for (const [i, [name, mimeType, buffer]] of files.entries()) {
    await page.getByLabel("Import an Excalidraw file").setInputFiles({ name, mimeType, buffer })
    const elements = await elementsWhen(page, 2 * (i + 2)).then(() => elementsOf(page))
    assert.equal(elements.filter(({ text }) => text === "wörds 😀").length, i + 2, name)
  }
  const buffer = await page.screenshot() // it carries none
  const none = { name: "none.png", mimeType: "image/png", buffer }
  await page.getByLabel("Import an Excalidraw file").setInputFiles(none)
  await page.getByText("This is no Excalidraw file, or it is damaged.").waitFor()
})
