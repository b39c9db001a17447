import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { type Random, randomFrom, seeded } from "../../client/js/test/harness/seed.ts"
import { plainOf } from "../src/binding/schema.ts"
import { atDesk, visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, saved } from "./harness/draw.ts"
import { differentPixels, documentOf } from "./harness/look.ts"
import { noNetwork, type Site, startSite, type Visitor } from "./harness/site.ts"

/** How long the three work, s. */
const seconds = Number(process.env.BATON_FUZZ_SECONDS ?? 50)

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

test("three who work by mouse and keyboard, cut off now and then, end with one document, scene and picture", async (t) => {
  const random = seeded(t)
  const visitors: Visitor[] = []
  for (let i = 0; i < 3; i++) {
    const visitor = await visitBoard(t, site, "fuzz", { proxied: true, expect: noNetwork })
    // Who has been here before has the fonts, also without a network.
    await visitor.page.evaluate(async () => void (await navigator.serviceWorker.ready))
    await visitor.page.reload()
    await atDesk(visitor)
    visitors.push(visitor)
  }
  const end = Date.now() + seconds * 1000
  const done = await Promise.all(
    visitors.map((visitor) => work(visitor, randomFrom(random.below(2 ** 32)), end)),
  )
  t.diagnostic(`${done.map((acts) => acts.length).join(" + ")} acts`)

  const pages = visitors.map(({ page }) => page)
  try {
    for (const { page, proxy } of visitors) {
      proxy?.refuse(false)
      await rest(page)
    }
    await create(pages[0] as Page, random) // something is there to compare, also where the last act deleted all
    for (const page of pages) await saved(page)
    await agree("documents", pages, documentOf)
    await agree("scenes", pages, sceneOf)
    for (const page of pages) await saved(page)
  } catch (error) {
    t.diagnostic(`the last acts:\n${done.map((acts) => acts.slice(-25).join("; ")).join("\n")}`)
    throw error
  }
  const [first, ...others] = pages as [Page, ...Page[]]
  assert.ok((await elementsOf(first)).length > 0, "nothing is left to compare")
  for (const page of others) {
    let part = 1
    await until("the pictures agree", async () => {
      part = await differentPixels(first, page)
      return part < 0.0005
    }).catch(async () => {
      await first.screenshot({ path: "build/fuzz-one.png" })
      await page.screenshot({ path: "build/fuzz-other.png" })
      assert.fail(`${(part * 100).toFixed(3)} % of build/fuzz-one.png and build/fuzz-other.png differ`)
    })
  }
})

/** Waits until all pages give the same. */
async function agree(what: string, pages: Page[], look: (page: Page) => Promise<string[]>): Promise<void> {
  const looks = () => Promise.all(pages.map(look))
  const [first, ...others] = await until(`the ${what} agree`, async () => {
    const [first = [], ...others] = await looks()
    return others.every((other) => other.join("\n") === first.join("\n")) && [first, ...others]
  }, { timeout: 60_000 }).catch(looks) // biome-ignore format: one condition
  for (const other of others) assert.deepEqual(other, first, what)
}

async function sceneOf(page: Page): Promise<string[]> {
  const elements = (await elementsOf(page)) as unknown as ExcalidrawElement[]
  return elements.map((element) => `${element.id} ${JSON.stringify([...plainOf(element)])}`)
}

/** Ends what somebody is in the middle of. */
async function rest(page: Page): Promise<void> {
  await page.mouse.up()
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape")
  await page.keyboard.press("v")
}

/** Does one thing after the other until the time is over, and returns what it was. */
async function work({ page, proxy }: Visitor, random: Random, end: number): Promise<string[]> {
  const acts: string[] = []
  while (Date.now() < end) {
    const name = random.pick(often)
    acts.push(name)
    await rest(page)
    await actions[name]?.(page, random)
    if (random.below(20) === 0) {
      acts.push("cut off")
      proxy?.refuse(true)
      proxy?.cut()
    } else if (random.below(8) === 0) {
      proxy?.refuse(false)
    }
  }
  return acts
}

type Action = (page: Page, random: Random) => Promise<void>

const place = (random: Random): [number, number] => [300 + random.below(800), 160 + random.below(420)]

/** Draws with one of the tools. */
const create: Action = (page, random) =>
  draw(page, random.pick(["r", "o", "d", "a", "l"]), place(random), place(random))

const stroke: Action = async (page, random) => {
  await page.keyboard.press("p")
  await page.mouse.move(...place(random))
  await page.mouse.down()
  for (let i = 0; i < 4; i++) await page.mouse.move(...place(random), { steps: 5 })
  await page.mouse.up()
}

const text: Action = async (page, random) => {
  await page.keyboard.press("t")
  await page.mouse.click(...place(random))
  await page.keyboard.type(random.pick(["one", "two words", "three"]))
}

/** Selects something by a click on its upper line, and returns where it lies on the page. */
async function select(page: Page, random: Random) {
  const boxes = await page.evaluate(() => {
    const { api } = window.baton ?? {}
    if (!api) return []
    const { scrollX, scrollY, offsetLeft, offsetTop } = api.getAppState()
    return api.getSceneElements().map(({ x, y, width, height }) => ({
      left: x + scrollX + offsetLeft,
      top: y + scrollY + offsetTop,
      width,
      height,
    }))
  })
  const near = boxes.filter(({ left, top, width, height }) => {
    const [x, y] = [left + width / 2, top + height / 2]
    return x > 300 && x < 1100 && top > 140 && y < 600
  })
  if (near.length === 0) return undefined
  const box = random.pick(near)
  await page.mouse.click(box.left + box.width / 2, box.top + 1)
  return box
}

async function pull(page: Page, from: [number, number], random: Random): Promise<void> {
  await page.mouse.move(...from)
  await page.mouse.down()
  await page.mouse.move(from[0] + random.below(200) - 100, from[1] + random.below(120) - 60, { steps: 8 })
  await page.mouse.up()
}

/** Presses keys with something selected, or all. */
const keys =
  (...combinations: string[]): Action =>
  async (page, random) => {
    if (random.below(6) === 0) await page.keyboard.press("Control+a")
    else await select(page, random)
    for (const combination of combinations) await page.keyboard.press(combination)
  }

const actions: Record<string, Action> = {
  create,
  stroke,
  text,
  async write(page, random) {
    const box = await select(page, random)
    if (!box) return
    await page.mouse.dblclick(box.left + box.width / 2, box.top + box.height / 2)
    if ((await page.locator("textarea.excalidraw-wysiwyg").count()) > 0) {
      await page.keyboard.type(random.pick(["ab", " cd", "long words that wrap"]))
    }
  },
  async drag(page, random) {
    const box = await select(page, random)
    if (box) await pull(page, [box.left + box.width / 2, box.top + 1], random)
  },
  async resize(page, random) {
    const box = await select(page, random)
    if (box) await pull(page, [box.left + box.width + 6, box.top + box.height + 6], random)
  },
  async rotate(page, random) {
    const box = await select(page, random)
    if (box) await pull(page, [box.left + box.width / 2, box.top - 20], random)
  },
  async recolour(page, random) {
    await select(page, random)
    const colour = page
      .getByTestId(`color-top-pick-${random.pick(["#e03131", "#2f9e44", "#1971c2"])}`)
      .first()
    if ((await colour.count()) > 0) await colour.click({ timeout: 2000 }).catch(() => {}) // deselected meanwhile
  },
  async "drag all"(page, random) {
    await page.keyboard.press("Control+a")
    await keys(...Array(5).fill(random.pick(["ArrowLeft", "ArrowUp", "Shift+ArrowRight"])))(page, random)
  },
  async "load again"(page) {
    await page.reload()
    await page.waitForFunction(() => window.baton)
  },
  delete: keys("Delete"),
  forward: keys("Control+]"),
  back: keys("Control+Shift+["),
  duplicate: keys("Control+d"),
  group: keys("Control+a", "Control+g"),
  undo: (page) => page.keyboard.press("Control+z"),
  redo: (page) => page.keyboard.press("Control+Shift+z"),
}

const often = [
  ...["create", "create", "create", "stroke", "text", "write", "write", "drag", "drag", "drag", "resize"],
  ...["rotate", "recolour", "recolour", "drag all", "delete", "forward", "back", "duplicate", "group"],
  ...["undo", "undo", "undo", "redo", "redo", "load again"],
]
