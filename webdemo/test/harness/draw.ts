import type { Page } from "playwright-core"
import { until } from "../../../client/js/test/harness/deadline.ts"
import type { ElementInPage } from "./desk.ts"

/** Draws a shape by a tool's key from one place of the page to another. */
export async function draw(
  page: Page,
  key: string,
  from: [number, number],
  to: [number, number],
): Promise<void> {
  await page.keyboard.press(key)
  await page.mouse.move(...from)
  await page.mouse.down()
  await page.mouse.move(...to, { steps: 6 })
  await page.mouse.up()
}

/** What is on a board. */
export function elementsOf(page: Page): Promise<ElementInPage[]> {
  return page.evaluate(() => window.baton?.api.getSceneElements() ?? [])
}

/** Waits until so many elements are on a board, and returns them. */
export async function elementsWhen(page: Page, count: number): Promise<ElementInPage[]> {
  await until(`${count} elements are on the board`, async () => (await elementsOf(page)).length === count)
  return elementsOf(page)
}

/** Waits until all that was drawn on a board is on the relay's disk. */
export async function saved(page: Page): Promise<void> {
  await page.waitForFunction(
    () => window.baton?.scene.settled && window.baton.session.board.document.saved.pending === 0,
    undefined,
    { timeout: 60_000 },
  )
}

/** Waits until both boards have the same elements, each where it is. */
export async function same(one: Page, other: Page): Promise<void> {
  const look = async (page: Page) =>
    JSON.stringify((await elementsOf(page)).map(({ id, x, y, width, height }) => [id, x, y, width, height]))
  await until("both boards are the same", async () => (await look(one)) === (await look(other)), {
    timeout: 30_000,
  })
}

/** Puts so many small shapes on a board, as if they had been pasted. */
export async function fill(page: Page, count: number): Promise<void> {
  await page.evaluate((count) => {
    const look = {
      angle: 0,
      opacity: 100,
      strokeColor: "#1e1e1e",
      backgroundColor: "transparent",
      fillStyle: "solid",
    }
    const more = {
      strokeWidth: 1,
      strokeStyle: "solid",
      roughness: 1,
      groupIds: [],
      frameId: null,
      roundness: null,
    }
    const rest = { isDeleted: false, boundElements: null, updated: 1, link: null, locked: false, index: null }
    const elements = Array.from({ length: count }, (_, i) => ({
      ...look,
      ...more,
      ...rest,
      ...{
        type: ["rectangle", "ellipse", "diamond"][i % 3],
        id: `e${i}`,
        seed: i + 1,
        version: 1,
        versionNonce: i + 1,
      },
      ...{ x: (i % 50) * 24, y: Math.floor(i / 50) * 18 + 40, width: 18, height: 12 },
    }))
    window.baton?.api.updateScene({ elements, captureUpdate: "IMMEDIATELY" })
  }, count)
  await saved(page)
}

/** Where the upper line of an element is on the page: there one takes it. */
export function handleOf(page: Page, id: string): Promise<[number, number]> {
  return page.evaluate((id) => {
    const found = window.baton?.api.getSceneElements().find((element) => element.id === id)
    const state = window.baton?.api.getAppState()
    if (!found || !state) throw new Error(`there is no ${id}`)
    const { scrollX, scrollY, zoom, offsetLeft, offsetTop } = state
    const { x, y, width } = found
    return [(x + width / 2 + scrollX) * zoom.value + offsetLeft, (y + scrollY) * zoom.value + offsetTop] as [
      number,
      number,
    ]
  }, id)
}

/** Selects an element by a click on its upper line. */
export async function select(page: Page, id: string): Promise<void> {
  await page.keyboard.press("v")
  await page.mouse.click(...(await handleOf(page, id)))
}

/** Drags an element by its upper line. */
export async function drag(page: Page, id: string, by: [number, number]): Promise<void> {
  await page.keyboard.press("v")
  const [x, y] = await handleOf(page, id)
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x + by[0], y + by[1], { steps: 8 })
  await page.mouse.up()
}

/** Gives the lines of what is selected a colour of the panel's. */
export async function colour(page: Page, to: string): Promise<void> {
  await page.getByTestId(`color-top-pick-${to}`).first().click()
}

/** Begins to write into an element, by a double click so far below its upper line. */
export async function write(page: Page, id: string, below: number): Promise<void> {
  const [x, y] = await handleOf(page, id)
  await page.mouse.dblclick(x, y + below)
  await page.locator("textarea.excalidraw-wysiwyg").waitFor()
}
