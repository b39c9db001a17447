import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import * as Y from "yjs"
import { until } from "../../client/js/test/harness/deadline.ts"
import { noNetwork, type Site, startSite } from "./harness/site.ts"
import { type Writer, write } from "./harness/writer.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Types each word as an op of its own. */
async function typeWords(writer: Writer, words: string[]): Promise<void> {
  for (const word of words) {
    await writer.type(word)
    await writer.saveState(/^Saved$/)
  }
}

async function openHistory({ page }: Writer): Promise<void> {
  await page.getByRole("button", { name: "History" }).click()
  await page.getByRole("slider", { name: "Moment" }).waitFor()
}

/** Waits until the past that is shown is this. */
async function shows(writer: Writer, text: string): Promise<void> {
  let last = ""
  await until(`the past is ${JSON.stringify(text)}`, async () => {
    last = (await writer.lines(".past")).join("\n")
    return last === text
  }).catch((error) => {
    throw new Error(`${error.message}; it is ${JSON.stringify(last)}`)
  })
}

const moment = (page: Page) => page.getByTestId("moment")

test("half-way back one sees the old text, who wrote it and when", async (t) => {
  const ann = await write(t, site, "halfway", { name: "Ann", colour: "#1971c2" })
  await typeWords(ann, ["a", "b"])
  const bob = await write(t, site, "halfway", { name: "Bob", colour: "#d92626" })
  await bob.reads("ab")
  await typeWords(bob, ["c", "d"])
  await ann.reads("abcd")
  await openHistory(ann)
  await shows(ann, "abcd")
  await ann.page.keyboard.press("ArrowLeft")
  await shows(ann, "abc")
  await moment(ann.page).getByText("Bob").waitFor()
  const slider = ann.page.getByRole("slider", { name: "Moment" })
  assert.match((await slider.getAttribute("aria-valuetext")) ?? "", /\d.*, Bob$/)
  assert.equal(await ann.page.locator(".past-new").textContent(), "c")
  await ann.page.keyboard.press("ArrowLeft")
  await shows(ann, "ab")
  await moment(ann.page).getByText("Ann").waitFor()
  await ann.page.keyboard.press("Home")
  await shows(ann, "")
  await moment(ann.page).getByText("The start, before anything was written").waitFor()
  await ann.page.keyboard.press("End")
  await shows(ann, "abcd")
  await ann.page.keyboard.press("Escape")
  await ann.reads("abcd")
  await until("the focus is back", () =>
    ann.page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "History"),
  )
})

test("it plays from the start to the end", async (t) => {
  const ann = await write(t, site, "plays")
  await typeWords(ann, ["a", "b", "c", "d"])
  await openHistory(ann)
  await ann.page.evaluate(() => {
    const seen: string[] = []
    Object.assign(window, { seen })
    new MutationObserver(() => {
      const text = document.querySelector(".past .cm-line")?.textContent ?? ""
      if (seen.at(-1) !== text) seen.push(text)
    }).observe(document.querySelector(".past") as Element, {
      subtree: true,
      childList: true,
      characterData: true,
    })
  })
  await ann.page.getByRole("combobox", { name: "Speed" }).selectOption("1")
  await ann.page.getByRole("button", { name: "Play" }).click()
  await ann.page.getByRole("button", { name: "Pause" }).waitFor()
  await ann.page.getByRole("button", { name: "Play" }).waitFor()
  await shows(ann, "abcd")
  const all = await ann.page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  const seen = all.slice(all.indexOf(""))
  assert.equal(seen.at(-1), "abcd")
  assert.ok(seen.length >= 4, `in between were ${JSON.stringify(seen)}`)
  for (const [i, text] of seen.entries()) assert.ok(i === 0 || text.startsWith(seen[i - 1] ?? ""), `${seen}`)
})

test("a moment that is restored comes to the others as new ops, and is one step to undo", async (t) => {
  const ann = await write(t, site, "restored")
  const bob = await write(t, site, "restored", { name: "Bob" })
  await typeWords(ann, ["one\n", "two\n"])
  await bob.reads("one\ntwo\n")
  await bob.page.keyboard.press("Control+Home")
  await bob.content.focus()
  await bob.page.keyboard.type("zero ")
  await ann.reads("zero one\ntwo\n")
  const headOf = async () => (await (await fetch(`${site.relay.url}/v1/docs/text-restored`)).json()).head
  await until("all is saved", async () => (await headOf()) >= 3)
  const head = await headOf()

  await openHistory(ann)
  await ann.page.keyboard.press("Home")
  await ann.page.keyboard.press("ArrowRight")
  await shows(ann, "o")
  await ann.page.getByRole("button", { name: "Restore this" }).click()
  await ann.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click()
  await ann.page.getByRole("button", { name: "Restore this" }).click()
  await ann.page.getByRole("dialog").getByRole("button", { name: "Restore" }).click()
  await ann.reads("o")
  await bob.reads("o")
  assert.ok((await headOf()) > head)
  await ann.content.focus()
  await ann.page.keyboard.press("Control+z")
  await bob.reads("zero one\ntwo\n")
})

test("what others write meanwhile is there when one comes back to now", async (t) => {
  const ann = await write(t, site, "meanwhile")
  const bob = await write(t, site, "meanwhile", { name: "Bob" })
  await typeWords(ann, ["a", "b"])
  await openHistory(ann)
  await ann.page.keyboard.press("ArrowLeft")
  await shows(ann, "a")
  await bob.reads("ab")
  await bob.type("c")
  await bob.saveState(/^Saved$/)
  await shows(ann, "a")
  await ann.page.getByRole("button", { name: "Back to now" }).click()
  await ann.reads("abc")
  await openHistory(ann)
  await shows(ann, "abc")
})

test("where older moments were pruned it says so, and begins at what was stored", async (t) => {
  const ann = await write(t, site, "pruned")
  await typeWords(ann, ["a", "b", "c", "d"])
  const at = `${site.relay.url}/v1/docs/text-pruned`
  const { ops } = await (await fetch(`${at}/ops`)).json()
  const doc = new Y.Doc()
  let offset = 0
  for (const op of ops) {
    Y.applyUpdate(doc, Buffer.from(op.payload, "base64"))
    offset = op.offset
    if (doc.getText("text").toString() === "ab") break
  }
  assert.equal(doc.getText("text").toString(), "ab")
  const put = await fetch(`${at}/snapshots/${offset}`, {
    method: "PUT",
    headers: { "Content-Type": "application/octet-stream", "Baton-Format": "yjs" },
    body: Y.encodeStateAsUpdate(doc) as Uint8Array<ArrayBuffer>,
  })
  assert.ok(put.ok, await put.text())
  const pruned = await fetch(`${at}/prune?before=${offset + 1}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
  })
  assert.ok(pruned.ok, await pruned.text())

  await openHistory(ann)
  await ann.page.getByText(/^Older moments were pruned: it begins at .*\d/).waitFor()
  await shows(ann, "abcd")
  await ann.page.keyboard.press("Home")
  await shows(ann, "ab")
  await moment(ann.page).getByText("Where the history begins").waitFor()
  await ann.page.keyboard.press("ArrowRight")
  await shows(ann, "abc")
})

test("a text that nobody has written to has an empty history", async (t) => {
  const ann = await write(t, site, "empty")
  await openHistory(ann)
  await moment(ann.page).getByText("Nothing was written yet").waitFor()
  assert.equal(await ann.page.getByRole("button", { name: "Play" }).isDisabled(), true)
})

test("ops that are no updates are moments that change nothing", async (t) => {
  const ann = await write(t, site, "damaged")
  await typeWords(ann, ["a"])
  const junk = [{ x: 1 }, null, "no base64!", "AAAA", "/////w=="].map((payload, i) => ({
    actor: "eve",
    seq: i + 1,
    clock: {},
    payload,
  }))
  const posted = await fetch(`${site.relay.url}/v1/docs/text-damaged/ops?format=yjs`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(junk),
  })
  assert.ok(posted.ok, await posted.text())
  await typeWords(ann, ["b"])
  await openHistory(ann)
  await shows(ann, "ab")
  await ann.page.keyboard.press("ArrowLeft")
  await shows(ann, "a")
  await moment(ann.page).getByText("Somebody").waitFor()
})

test("without the relay it says why there is none, and comes on the next try", async (t) => {
  const ann = await write(t, site, "unreachable", { proxied: true, expect: noNetwork })
  await typeWords(ann, ["a"])
  ann.visitor.proxy?.refuse(true)
  ann.visitor.proxy?.cut()
  await ann.page.getByRole("button", { name: "History" }).click()
  await ann.page.getByText("The history is at the relay, which cannot be reached now.").waitFor()
  ann.visitor.proxy?.refuse(false)
  await ann.page.getByRole("button", { name: "Try again" }).click()
  await shows(ann, "a")
})

test("who may only read sees the history, and cannot restore", async (t) => {
  const docs = { "text-*": ["read" as const, "write" as const, "presence" as const] }
  const own = await startSite({
    tokens: [
      { token: "w", subject: "ann", docs },
      { token: "r", subject: "bob", docs: { "text-*": ["read"] } },
    ],
  })
  t.after(() => own.close())
  const ann = await write(t, own, "rights#t=w")
  await typeWords(ann, ["a", "b"])
  const bob = await write(t, own, "rights#t=r", { name: "Bob" })
  await openHistory(bob)
  await bob.page.keyboard.press("ArrowLeft")
  await shows(bob, "a")
  // Whose token it was goes before what somebody calls themselves.
  await moment(bob.page).getByText("ann", { exact: true }).waitFor()
  assert.equal(await bob.page.getByRole("button", { name: "Restore this" }).count(), 0)
})

test("a long history is gone through at once", async (t) => {
  const doc = new Y.Doc()
  const ops: unknown[] = []
  doc.on("update", (update: Uint8Array) => {
    const payload = Buffer.from(update).toString("base64")
    ops.push({ actor: "writer", seq: ops.length + 1, clock: {}, payload })
  })
  const text = doc.getText("text")
  const count = 12_000
  for (let i = 0; i < count; i++) text.insert(text.length, i % 60 === 59 ? "\n" : "x")
  for (let at = 0; at < count; at += 500) {
    const posted = await fetch(`${site.relay.url}/v1/docs/text-long/ops?format=yjs`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(ops.slice(at, at + 500)),
    })
    assert.ok(posted.ok, await posted.text())
  }
  const ann = await write(t, site, "long")
  const began = Date.now()
  await openHistory(ann)
  t.diagnostic(`${count} ops: read and ready in ${Date.now() - began} ms`)
  await moment(ann.page).getByText(`${count} of ${count}`).waitFor()
  const took = await ann.page.evaluate(async () => {
    const slider = document.querySelector("input[type=range]") as HTMLInputElement
    const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")
    const times: number[] = []
    for (const part of [0.5, 0.2, 0.9, 0.1, 0.45, 0.8, 0.3]) {
      const began = performance.now()
      value?.set?.call(slider, String(Number(slider.max) * part))
      slider.dispatchEvent(new Event("input", { bubbles: true }))
      await new Promise((resolve) =>
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))),
      )
      times.push(performance.now() - began)
    }
    return times
  })
  t.diagnostic(`a jump takes ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`)
  assert.ok(Math.max(...took) < 1000, `${took}`)
})
