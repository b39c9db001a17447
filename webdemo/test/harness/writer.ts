import type { TestContext } from "node:test"
import type { Locator, Page } from "playwright-core"
import { until } from "../../../client/js/test/harness/deadline.ts"
import { type Site, saveState, type Visit, type Visitor, visit } from "./site.ts"

/** Who somebody is, and whether they have a narrow screen. */
export interface Who extends Visit {
  name?: string
  colour?: string
}

/** Opens a text page as somebody, in a browser profile of their own, and waits until the text is there. */
export async function write(
  t: TestContext,
  site: Site,
  text: string,
  { name = "Ann", colour = "#1971c2", ...options }: Who = {},
): Promise<Writer> {
  const { relay } = site
  const me = { name: "baton.me", value: JSON.stringify({ name, colour }) }
  const origins = [{ origin: relay.url, localStorage: [me] }]
  const visitor = await visit(t, site, `/text/${text}`, {
    ...options,
    storageState: { cookies: [], origins },
  })
  const writer = new Writer(visitor)
  await writer.saveState(/^(Saved|Read only)$/)
  return writer
}

/** Somebody before a text. */
export class Writer {
  readonly visitor: Visitor
  readonly page: Page
  readonly content: Locator
  readonly preview: Locator

  constructor(visitor: Visitor) {
    this.visitor = visitor
    this.page = visitor.page
    this.content = this.page.locator(".text-panes .cm-content")
    this.preview = this.page.getByRole("region", { name: "Preview" })
  }

  /** Types at the end of the text. */
  async type(text: string): Promise<void> {
    await this.content.focus()
    await this.page.keyboard.press("Control+End")
    await this.page.keyboard.type(text)
  }

  /** Pastes a text at the end. */
  async paste(text: string): Promise<void> {
    await this.content.focus()
    await this.page.keyboard.press("Control+End")
    await this.content.evaluate((content, text) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData("text/plain", text)
      content.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))
    }, text)
  }

  /** The lines in sight, without the carets of others and without what an empty text says. */
  lines(within = ".text-panes"): Promise<string[]> {
    return this.page.evaluate((scope) => {
      const lines = [...document.querySelectorAll(`${scope} .cm-line`)]
      return lines.map((line) => {
        const copy = line.cloneNode(true) as Element
        for (const caret of copy.querySelectorAll(".cm-ySelectionCaret, .cm-placeholder")) caret.remove()
        return copy.textContent ?? ""
      })
    }, within)
  }

  /** Waits until the whole text, of few lines, is this. */
  async reads(text: string): Promise<void> {
    let last = ""
    await until(`the text is ${JSON.stringify(text)}`, async () => {
      last = (await this.lines()).join("\n")
      return last === text
    }).catch((error) => {
      throw new Error(`${error.message}; it is ${JSON.stringify(last)}`)
    })
  }

  async saveState(text: RegExp): Promise<void> {
    await saveState(this.page, text)
  }

  /** Waits for what the footer says. */
  async counts(text: string): Promise<void> {
    await this.page.getByTestId("counts").getByText(text, { exact: true }).waitFor()
  }
}
