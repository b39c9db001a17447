import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, elementsWhen, same, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** A box with a text in it, and an arrow that hangs on the box, as Excalidraw writes them to a file. */
const scene = JSON.stringify({
  type: "excalidraw",
  version: 2,
  source: "test",
  elements: [
    {
      id: "box",
      type: "rectangle",
      x: 0,
      y: 0,
      width: 200,
      height: 100,
      seed: 1,
      groupIds: ["g"],
      boundElements: [
        { id: "label", type: "text" },
        { id: "arrow", type: "arrow" },
      ],
    },
    {
      id: "label",
      type: "text",
      x: 50,
      y: 40,
      width: 100,
      height: 25,
      seed: 2,
      groupIds: ["g"],
      text: "from a file",
      originalText: "from a file",
      fontSize: 20,
      fontFamily: 5,
      textAlign: "center",
      verticalAlign: "middle",
      containerId: "box",
      lineHeight: 1.25,
    },
    {
      id: "arrow",
      type: "arrow",
      x: 205,
      y: 50,
      width: 100,
      height: 0,
      seed: 3,
      points: [
        [0, 0],
        [100, 0],
      ],
      startBinding: { elementId: "box", focus: 0, gap: 5 },
      endBinding: { elementId: "elsewhere", focus: 0, gap: 1 },
      endArrowhead: "arrow",
    },
  ],
  appState: {},
  files: {},
})

interface Linked {
  id: string
  type: string
  containerId?: string
  groupIds: string[]
  boundElements: { id: string }[] | null
  startBinding?: { elementId: string } | null
  endBinding?: { elementId: string } | null
}

async function importInto(page: Page, text: string): Promise<void> {
  const buffer = Buffer.from(text)
  const file = { name: "scene.excalidraw", mimeType: "application/json", buffer }
  await page.getByLabel("Import an Excalidraw file").setInputFiles(file)
}

test("a file's elements come beside what is there, as new ones that name each other, and undo takes them back", async (t) => {
  const ann = await visitBoard(t, site, "import")
  const bob = await visitBoard(t, site, "import")
  await draw(bob.page, "r", [400, 300], [500, 400])
  await elementsWhen(ann.page, 1)
  await importInto(ann.page, scene)
  await elementsWhen(bob.page, 4)
  await importInto(ann.page, scene) // the same once more: others again
  const all = (await elementsWhen(bob.page, 7)) as unknown as Linked[]
  assert.equal(new Set(all.map(({ id }) => id)).size, 7)
  for (const label of all.filter(({ type }) => type === "text")) {
    const box = all.find(({ id }) => id === label.containerId)
    assert.ok(box?.boundElements?.some(({ id }) => id === label.id))
    assert.deepEqual(box?.groupIds, label.groupIds)
    const arrow = all.find(({ startBinding }) => startBinding?.elementId === box?.id)
    assert.ok(box?.boundElements?.some(({ id }) => id === arrow?.id))
    assert.equal(arrow?.endBinding, null)
  }
  await saved(ann.page)
  // That other things are selected is a step of its own in Excalidraw's history.
  await until("the file's elements are gone", async () => {
    await ann.page.keyboard.press("Control+z")
    return (await elementsOf(ann.page)).length === 1
  })
  await elementsWhen(bob.page, 1)
  await same(ann.page, bob.page)
})

test("a file that is dropped on the board replaces nothing", async (t) => {
  const ann = await visitBoard(t, site, "drop")
  const bob = await visitBoard(t, site, "drop")
  await draw(bob.page, "r", [400, 300], [500, 400])
  await elementsWhen(ann.page, 1)
  await ann.page.evaluate((scene) => {
    const data = new DataTransfer()
    data.items.add(new File([scene], "scene.excalidraw", { type: "application/json" }))
    const drop = { dataTransfer: data, bubbles: true, cancelable: true, clientX: 600, clientY: 400 }
    document.querySelector("canvas.interactive")?.dispatchEvent(new DragEvent("drop", drop))
  }, scene)
  await elementsWhen(bob.page, 4)
})

test("what is no scene is refused with a sentence, and changes nothing", async (t) => {
  const ann = await visitBoard(t, site, "nonsense")
  await importInto(ann.page, "{ this is not")
  await ann.page.getByText("This is no Excalidraw file, or it is damaged.").waitFor()
  assert.deepEqual(await elementsOf(ann.page), [])
})
