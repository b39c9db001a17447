import axe from "axe-core"
import type { Page } from "playwright-core"

/** What axe finds wrong with a page as it is now, a line each; frames are pages of their own. */
export async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") }
    const { violations } = await axe.run(document, { iframes: false })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
  })
}
