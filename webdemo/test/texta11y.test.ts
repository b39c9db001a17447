import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { type Site, startSite } from "./harness/site.ts"
import { type Writer, write } from "./harness/writer.ts"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Fails if axe finds anything. The page's policy lets no script in by a tag. */
async function clean(page: Page, state: string): Promise<void> {
  await page.evaluate(axe)
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof import("axe-core") }).axe.run()
    return violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`,
    )
  })
  assert.deepEqual(found, [], state)
}

const sample = [
  "# Plan",
  "",
  "Some **bold**, _soft_ and `code`, and a [link](https://elsewhere.example/).",
  "",
  "- [ ] a task",
  "- [x] another",
  "",
  "## Table",
  "",
  "| a | b |",
  "|---|---|",
  `| 1 | ${"wide".repeat(60)} |`,
  "",
  "```js",
  "const a = 1",
  "```",
  "",
  "> quote",
  "",
  "![far](https://elsewhere.example/x.png)",
].join("\n")

async function withSample(writer: Writer): Promise<void> {
  await writer.paste(sample)
  await writer.saveState(/^Saved$/)
  await writer.page.getByTestId("counts").getByText(/^\d\d/).waitFor()
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const [size, viewport] of [
    ["desktop", { width: 1280, height: 800 }],
    ["phone", { width: 390, height: 800 }],
  ] as const) {
    test(`axe finds nothing on a ${size}, ${colorScheme}`, async (t) => {
      const name = `axe-${size}-${colorScheme}`
      const ann = await write(t, site, name, { colorScheme, viewport })
      await clean(ann.page, "empty")
      await withSample(ann)
      const bob = await write(t, site, name, { name: "Bob", colorScheme, viewport })
      await bob.type(" Bob")
      await ann.page.locator(".cm-ySelectionCaret").first().waitFor({ state: "attached" })
      await clean(ann.page, "edit")
      await ann.page.getByRole("button", { name: "Preview" }).click()
      await ann.preview.getByRole("heading", { name: "Plan" }).waitFor()
      await clean(ann.page, "preview")
      await ann.page.getByRole("button", { name: /^You are / }).click()
      await clean(ann.page, "name")
      await ann.page.keyboard.press("Escape")
      await ann.page.getByRole("button", { name: "Edit" }).click()
      await ann.content.focus()
      await ann.page.keyboard.press("Control+f")
      await ann.page.locator(".cm-search").waitFor()
      await clean(ann.page, "search")
      await ann.page.keyboard.press("Escape")
      await ann.page.getByRole("button", { name: "History" }).click()
      await ann.page.getByRole("slider").press("ArrowLeft")
      await ann.page.getByRole("button", { name: "Restore this" }).waitFor()
      await clean(ann.page, "history")
      await ann.page.getByRole("button", { name: "Restore this" }).click()
      await ann.page.getByRole("dialog").waitFor()
      await clean(ann.page, "restore")
      await ann.page.keyboard.press("Escape")
      await ann.page.getByRole("button", { name: "Back to now" }).click()
      await ann.page.getByRole("button", { name: "Share" }).click()
      await ann.page.getByRole("dialog").waitFor()
      await clean(ann.page, "share")
    })
  }
}

test("axe finds nothing where one may only read", async (t) => {
  const own = await startSite({
    tokens: [
      { token: "w", subject: "ann", docs: { "*": ["read", "write", "presence"] } },
      { token: "r", subject: "bob", docs: { "*": ["read", "presence"] } },
    ],
  })
  t.after(() => own.close())
  const ann = await write(t, own, "read#t=w")
  await withSample(ann)
  const bob = await write(t, own, "read#t=r", { name: "Bob" })
  await bob.content.getByText("Plan").waitFor()
  await clean(bob.page, "read only")
})

test("all can be done by keyboard, and Escape then Tab leaves the editor", async (t) => {
  const { page } = await write(t, site, "keyboard")
  const focused = () =>
    page.evaluate(
      () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "",
    )
  const reached: string[] = []
  await page.locator(".cm-content:focus").waitFor() // it has the keyboard at once
  await page.keyboard.press("Escape")
  for (let i = 0; i < 20 && reached.at(-1) !== "Baton, start page"; i++) {
    await page.keyboard.press("Shift+Tab")
    reached.push(await focused())
  }
  for (const name of [
    "Baton, start page",
    "Edit",
    "Side by side",
    "Preview",
    "History",
    "Download as Markdown",
  ]) {
    assert.ok(reached.includes(name), `${name} in ${reached}`)
  }
  await page.locator(".cm-content").focus()
  await page.keyboard.type("a")
  await page.keyboard.press("Tab")
  await page.keyboard.type("b")
  await until("Tab indents", async () =>
    /^ +ab$|^a\s+b$/.test((await page.locator(".cm-line").first().textContent()) ?? ""),
  )
  await page.keyboard.press("Escape")
  await page.keyboard.press("Tab")
  assert.equal(await focused(), "Preview")
  const hint = page.locator("#editor-keys")
  assert.match((await hint.textContent()) ?? "", /Escape and then Tab/)
  assert.equal(await page.locator(".cm-content").getAttribute("aria-describedby"), "editor-keys")
})
