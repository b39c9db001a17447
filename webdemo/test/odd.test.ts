import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { projectFolder } from "../../client/js/test/harness/place.ts"
import { atDesk, visitBoard } from "./harness/desk.ts"
import { elementsOf, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

type Props = Record<string, unknown>

/** A file of elements, each with an odd value of a property, by the property. */
function oddFile(): { text: string; odd: [type: string, name: string, value: unknown][] } {
  const odd: [string, string, unknown][] = [
    ["rectangle", "fillStyle", "dots"],
    ["rectangle", "opacity", 5000],
    ["rectangle", "opacity", -1],
    ["rectangle", "strokeStyle", 5],
    ["rectangle", "strokeColor", null],
    ["rectangle", "strokeWidth", "thick"],
    ["rectangle", "roughness", 99],
    ["rectangle", "roundness", "round"],
    ["rectangle", "angle", "5"],
    ["rectangle", "seed", -5],
    ["rectangle", "groupIds", "one"],
    ["rectangle", "groupIds", [5]],
    ["rectangle", "boundElements", "none"],
    ["rectangle", "boundElements", [null, { id: "x", type: "line" }]],
    ["rectangle", "frameId", "gone"],
    ["rectangle", "link", { href: "x" }],
    ["rectangle", "locked", "yes"],
    ["rectangle", "customData", 5],
    ["rectangle", "index", "zz!"],
    ["rectangle", "x", 1e9],
    ["rectangle", "ownProperty", "mine"],
    ["ellipse", "font", 5],
    ["line", "points", "none"],
    ["line", "points", [[0, 0], [null, 5]]],
    ["line", "points", [[0, 0], [5, 5, 0.5]]],
    ["line", "polygon", true],
    ["line", "startBinding", "x"],
    ["arrow", "endArrowhead", 5],
    ["arrow", "startBinding", { elementId: 5 }],
    ["arrow", "elbowed", "no"],
    ["freedraw", "points", [[0, 0], "x"]],
    ["freedraw", "pressures", "none"],
    ["freedraw", "simulatePressure", null],
    ["text", "fontSize", 1500],
    ["text", "fontSize", 1e6],
    ["text", "fontSize", "large"],
    ["text", "fontFamily", "Virgil"],
    ["text", "lineHeight", 1000],
    ["text", "textAlign", "justify"],
    ["text", "containerId", 5],
    ["text", "originalText", 5],
    ["text", "originalText", "half \ud83d of a letter"],
    ["text", "width", 0],
    ["text", "font", 5],
    ["image", "scale", [0, 0]],
    ["image", "crop", { x: "y" }],
    ["image", "fileId", 5],
    ["frame", "name", 5],
    ["hexagon", "x", 5],
  ] // biome-ignore format: a table
  const looks: Record<string, Props> = {
    line: { points: [[0, 0], [60, 40]] },
    arrow: { points: [[0, 0], [60, 40]], startBinding: null, endBinding: null },
    freedraw: { points: [[0, 0], [60, 40]], pressures: [] },
    text: { text: "words", originalText: "words", fontSize: 20, fontFamily: 5, height: 25, lineHeight: 1.25 },
    image: { fileId: "none", scale: [1, 1] },
  } // biome-ignore format: a table
  const elements = odd.map(([type, name, value], i) => ({
    ...{ id: `odd ${i}`, type, x: (i % 8) * 100, y: Math.floor(i / 8) * 80, width: 60, height: 40, seed: i + 1 },
    ...looks[type],
    [name]: value,
  })) // biome-ignore format: short
  const all = [null, 5, "x", [], {}, ...elements, { ...elements[0] }] // the first name twice
  return { text: JSON.stringify({ type: "excalidraw", version: 2, elements: all, files: [] }), odd }
}

/** Gives a page a file to import, as its dialog for files does. `LARGE` stands for the base64 of 17 MB. */
function importInto(page: Page, text: string): Promise<void> {
  return page.evaluate((text) => {
    const data = new DataTransfer()
    data.items.add(new File([text.replace("LARGE", "AAAA".repeat((17 << 20) / 3))], "scene.excalidraw"))
    const input = document.querySelector<HTMLInputElement>("input[aria-label='Import an Excalidraw file']")
    Object.assign(input ?? {}, { files: data.files })
    input?.dispatchEvent(new Event("change", { bubbles: true }))
  }, text)
}

const largePicture = JSON.stringify({
  type: "excalidraw",
  version: 2,
  elements: [{ id: "p", type: "image", x: 0, y: 0, width: 90, height: 90, fileId: "large", scale: [1, 1] }],
  files: { large: { id: "large", mimeType: "image/png", dataURL: "data:image/png;base64,LARGE" } },
})

/** What a page shows: elements, without what is a page's own affair, and pictures. */
function shownBy(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { api } = window.baton as unknown as {
      api: { getSceneElements(): Props[]; getFiles(): Record<string, Props> }
    }
    const own = ["version", "versionNonce", "updated", "lastCommittedPoint", "status"]
    const said = (element: Props) =>
      JSON.stringify(
        Object.fromEntries(Object.entries(element).filter(([name]) => !own.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1))), // biome-ignore format: short
      )
    const files = Object.entries(api.getFiles()).map(
      ([id, { mimeType, dataURL }]) => `${id} ${mimeType} ${dataURL}`,
    )
    return [...api.getSceneElements().map(said), ...files.sort()]
  })
}

test("whatever a file holds, everybody sees what the importer sees, also after a reload, and is told what did not come", async (t) => {
  // A picture of zeros is none: Excalidraw logs that it cannot be shown.
  const ann = await visitBoard(t, site, "odd", { expect: [/image|Image|picture|svg/i] })
  const bob = await visitBoard(t, site, "odd", { expect: [/image|Image|picture|svg/i] })
  const { text: oddText, odd } = oddFile()
  const stored = (name: string) =>
    readFile(join(projectFolder, "webdemo/test/cases", `${name}.excalidraw`), "utf8")
  const cases: [name: string, text: string, count: number, said: RegExp | undefined][] = [
    ["svg-utf8-picture", await stored("svg-utf8-picture"), 2, undefined],
    ["picture-without-dataurl", await stored("picture-without-dataurl"), 2, /left out: 1 picture \(it has no data\)/],
    ["picture-image-jpg", await stored("picture-image-jpg"), 1, undefined],
    ["index-of-no-sense", await stored("index-of-no-sense"), 3, undefined],
    ["text-without-size", await stored("text-without-size"), 3, undefined],
    ["newer-excalidraw", await stored("newer-excalidraw"), 6, /left out: strokeOptions/],
    ["a large picture", largePicture, 1, /left out: 1 picture \(it is larger than 16 MB\)/],
    ["odd values", oddText, odd.length - 1, /left out: 7 elements .*ownProperty; changed to .*fillStyle.*opacity/],
  ] // biome-ignore format: a table
  let all = 0
  for (const [name, text, count, said] of cases) {
    await importInto(ann.page, text)
    all += count
    await until(`${name} is there`, async () => (await elementsOf(ann.page)).length === all).catch(
      async (error) => {
        throw new Error(`${name}: ${(await elementsOf(ann.page)).length} of ${all} elements`, {
          cause: error,
        })
      },
    )
    const toast = ann.page.locator(".Toast")
    if (said) {
      await toast.waitFor()
      assert.match((await toast.textContent()) ?? "", said, name)
      await toast.getByRole("button").click()
    } else {
      assert.equal(await toast.count(), 0, `${name}: ${await toast.allTextContents()}`)
    }
    await saved(ann.page)
    let [here, there]: string[][] = [[], []]
    await until(`${name} is the same for both`, async () => {
      ;[here, there] = [await shownBy(ann.page), await shownBy(bob.page)]
      return here?.join() === there?.join()
    }).catch(() => assert.deepEqual(there, here, name))
  }
  // Where both could lack the same, by values.
  const elements = (await elementsOf(bob.page)) as unknown as Props[]
  const words = (text: string) => elements.find((element) => element.text === text)
  const [label, remark] = [words("in the box"), words("a remark that stands alone")]
  assert.ok(elements.some(({ id, type }) => id === label?.containerId && type === "rectangle"))
  assert.ok(Number(remark?.width) > 100 && Number(remark?.height) > 20, JSON.stringify(remark))
  const arrow = elements.find(({ endArrowhead }) => endArrowhead === "cardinality_many")
  const ends = [arrow?.startBinding, arrow?.endBinding] as { elementId: string }[]
  for (const { elementId } of ends) assert.ok(elements.some(({ id }) => id === elementId))
  assert.equal(elements.find(({ polygon }) => polygon)?.type, "line")
  assert.equal(words("Q")?.fontSize, 1500)

  const before = await shownBy(bob.page)
  await ann.page.reload()
  await atDesk(ann)
  await until(
    "it is the same after a reload",
    async () => (await shownBy(ann.page)).join() === before.join(),
  ).catch(async () => assert.deepEqual(await shownBy(ann.page), before))
  assert.equal(await ann.page.getByTestId("savestate").textContent(), "Saved")
})
