import type { Page } from "playwright-core"

/** Returns what the document of a page's board holds, an element a line. */
export function documentOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const sorted = (value: unknown): unknown => {
      if (typeof value !== "object" || value === null) return value
      if (Array.isArray(value)) return value.map(sorted)
      return Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, part]) => [key, sorted(part)]),
      )
    }
    const { elements = {} } = window.baton?.session.board.doc ?? {}
    return Object.keys(elements)
      .sort()
      .map((id) => `${id} ${JSON.stringify(sorted(elements[id]))}`)
  })
}

/** Returns the part of the drawing that two pages show in other colours, 0 to 1, where both look at the same place. */
export async function differentPixels(one: Page, other: Page): Promise<number> {
  const picture = await pictureOf(other)
  await pictureOf(one)
  return one.evaluate(async (picture) => {
    const image = new Image()
    image.src = picture
    await image.decode()
    const shown = document.querySelector<HTMLCanvasElement>("canvas.static") as HTMLCanvasElement
    const { width, height } = shown
    const pixels = (source: CanvasImageSource) => {
      const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d")
      context?.drawImage(source, 0, 0)
      return context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray()
    }
    const [here, there] = [pixels(shown), pixels(image)]
    let different = 0
    // Points of strokes are shared to a hundredth: an edge may be a little lighter.
    for (let i = 0; i < here.length; i++) if (Math.abs((here[i] ?? 0) - (there[i] ?? 0)) > 64) different++
    return different / here.length
  }, picture)
}

/** Has the page look at the middle with nothing selected, and returns the drawing as a data: URL. */
async function pictureOf(page: Page): Promise<string> {
  await page.evaluate(() => {
    const appState = {
      scrollX: 0,
      scrollY: 0,
      zoom: { value: 1 },
      selectedElementIds: {},
      selectedGroupIds: {},
    }
    window.baton?.api.updateScene({ appState })
  })
  return page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const show = () =>
          resolve(document.querySelector<HTMLCanvasElement>("canvas.static")?.toDataURL() ?? "")
        requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(show)))
      }),
  )
}
