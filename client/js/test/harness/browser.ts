import { join } from "node:path"
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core"
import { packageFolder } from "./place.ts"

/** A name that leads to 127.0.0.1 in the browser of launch, and is no secure context over http. */
export const insecureHost = "board.test"

/** Starts Debian's Chromium, or that of CHROMIUM, without a window. The caller closes it. */
export function launch({ args = [] }: { args?: string[] } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: join(packageFolder, "test/harness/chromium"),
    chromiumSandbox: process.getuid?.() !== 0, // Chromium has none for root
    args: [`--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`, ...args],
  })
}

/**
 * Opens url in a new page and waits until it has loaded, module scripts included.
 * errors grows by what the page throws and by what it or the browser logs as an
 * error, such as a WebSocket that does not connect.
 */
export async function newPage(
  context: BrowserContext,
  url: string,
): Promise<{ page: Page; errors: string[] }> {
  const page = await context.newPage()
  const errors: string[] = []
  page.on("pageerror", (err) => errors.push(err.stack ?? err.message))
  page.on("crash", () => errors.push("the page crashed"))
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text())
  })
  await page.goto(url)
  return { page, errors }
}
