import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, test } from "node:test"
import * as Y from "yjs"
import { until } from "../../client/js/test/harness/deadline.ts"
import { Peer } from "../../client/js/test/harness/peer.ts"
import { seeded } from "../../client/js/test/harness/seed.ts"
import { noNetwork, type Site, startSite, visit } from "./harness/site.ts"
import { write } from "./harness/writer.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

test("two people see each other's text, and carets with names in colours that differ", async (t) => {
  const ann = await write(t, site, "carets", { name: "Ann", colour: "#1971c2" })
  await ann.type("hello")
  const bob = await write(t, site, "carets", { name: "Bob", colour: "#1971c2" })
  await bob.reads("hello")
  await bob.type(" you")
  await ann.reads("hello you")

  const caretOf = async (writer: typeof ann) => {
    const caret = writer.page.locator(".cm-ySelectionCaret")
    await caret.waitFor()
    return {
      name: await caret.locator(".cm-ySelectionInfo").textContent(),
      colour: await caret.evaluate((element) => getComputedStyle(element).backgroundColor),
    }
  }
  const bobs = await caretOf(ann)
  const anns = await caretOf(bob)
  assert.deepEqual([bobs.name, anns.name], ["Bob", "Ann"])
  assert.notEqual(bobs.colour, anns.colour)
  await ann.page.getByRole("button", { name: "Follow Bob" }).waitFor()
})

test("who opens a text sees where to begin, and writes without a click", async (t) => {
  const ann = await write(t, site, "begin")
  await ann.page.getByText("Write here.").waitFor()
  await ann.page.keyboard.type("hello")
  await ann.reads("hello")
  await ann.page.getByText("Write here.").waitFor({ state: "detached" })
  await ann.page.reload()
  await ann.reads("hello")
  await ann.page.keyboard.type("Oh, ")
  await ann.reads("Oh, hello")
})

test("an input method that puts one emoji in the place of another leaves no half of it", async (t) => {
  const ann = await write(t, site, "composed")
  const bob = await write(t, site, "composed", { name: "Bob" })
  await ann.content.focus()
  const method = await ann.visitor.context.newCDPSession(ann.page)
  for (const text of ["え", "😀", "😄"]) {
    const { length } = text
    await method.send("Input.imeSetComposition", { text, selectionStart: length, selectionEnd: length })
    await bob.reads(text)
  }
  await method.send("Input.insertText", { text: "😄" })
  await ann.saveState(/^Saved$/)
  await ann.page.reload()
  await ann.reads("😄")
  await bob.reads("😄")
})

test("who takes another name has it at the caret that the others see", async (t) => {
  const ann = await write(t, site, "rename")
  const bob = await write(t, site, "rename", { name: "Bob" })
  await bob.type("x")
  await ann.page.locator(".cm-ySelectionInfo", { hasText: "Bob" }).waitFor()
  await bob.page.getByRole("button", { name: "You are Bob" }).click()
  await bob.page.getByRole("textbox", { name: "Your name" }).fill("Robert")
  await bob.page.getByRole("button", { name: "Done" }).click()
  await ann.page.locator(".cm-ySelectionInfo", { hasText: "Robert" }).waitFor()
})

test("what one selects the others see", async (t) => {
  const ann = await write(t, site, "selections")
  const bob = await write(t, site, "selections", { name: "Bob" })
  await ann.type("mark this")
  await ann.page.keyboard.press("Shift+Home")
  await bob.page.locator(".cm-ySelection", { hasText: "mark this" }).waitFor()
})

test("undo takes back own edits only, and redo brings them again", async (t) => {
  const ann = await write(t, site, "undo")
  const bob = await write(t, site, "undo", { name: "Bob" })
  await ann.type("mine ")
  await bob.reads("mine ")
  await bob.type("yours")
  await ann.reads("mine yours")
  await ann.content.focus()
  for (let i = 0; i < 5; i++) await ann.page.keyboard.press("Control+z")
  await ann.reads("yours")
  await bob.reads("yours")
  await ann.page.keyboard.press("Control+y")
  await bob.reads("mine yours")
})

test("what three type at once is the same for all", async (t) => {
  const random = seeded(t)
  const writers = [
    await write(t, site, "three"),
    await write(t, site, "three", { name: "Bob" }),
    await write(t, site, "three", { name: "Cy" }),
  ]
  await Promise.all(
    writers.map(async ({ page, content }, who) => {
      await content.focus()
      for (let i = 0; i < 30; i++) {
        const key = random.pick([
          "ArrowLeft",
          "Home",
          "End",
          "Enter",
          "Backspace",
          "abc"[who],
          "abc"[who],
        ] as string[])
        await page.keyboard.press(key)
      }
    }),
  )
  for (const writer of writers) await writer.saveState(/^Saved$/)
  const [first, ...others] = writers
  await until("all read the same", async () => {
    const texts = await Promise.all(writers.map(async (writer) => (await writer.lines()).join("\n")))
    return texts.every((text) => text === texts[0] && text !== "")
  })
  assert.equal(others.length, 2)
  // Nobody's editor is out of step with their document: what is typed now comes where it was typed.
  await first?.type("\nend")
  for (const writer of writers)
    await until("the end is there", async () => (await writer.lines()).at(-1) === "end")
})

test("what is written without network is merged when it is back", async (t) => {
  const ann = await write(t, site, "offline")
  const bob = await write(t, site, "offline", { name: "Bob", proxied: true, expect: noNetwork })
  await ann.type("both\n")
  await bob.reads("both\n")
  bob.visitor.proxy?.refuse(true)
  bob.visitor.proxy?.cut()
  await bob.saveState(/^Offline$/)
  await bob.type("bob")
  await ann.type("ann")
  await bob.saveState(/^Offline, \d+ to send$/)
  bob.visitor.proxy?.refuse(false)
  await bob.saveState(/^Saved$/)
  await until("both have both", async () => {
    const texts = [(await ann.lines()).join("\n"), (await bob.lines()).join("\n")]
    return texts[0] === texts[1] && texts[0]?.includes("bob") && texts[0].includes("ann")
  })
})

test("a relay that is killed loses nothing, and is found again", async (t) => {
  const own = await startSite()
  t.after(() => own.close())
  const ann = await write(t, own, "killed", { expect: noNetwork })
  const bob = await write(t, own, "killed", { name: "Bob", expect: noNetwork })
  await ann.type("before ")
  await bob.reads("before ")
  await own.relay.kill()
  await ann.type("meanwhile ")
  await ann.saveState(/to send$/)
  await own.relay.start()
  await bob.reads("before meanwhile ")
  await ann.saveState(/^Saved$/)
})

test("a token that only reads shows the text, says so, and lets nothing be written", async (t) => {
  const own = await startSite({
    tokens: [
      {
        token: "w",
        subject: "ann",
        name: "Ann",
        docs: { "text-*": ["read", "write", "presence", "compact"] },
      },
      { token: "r", subject: "bob", name: "Bob", docs: { "text-*": ["read", "presence"] } },
    ],
  })
  t.after(() => own.close())
  const ann = await write(t, own, "rights#t=w")
  await ann.type("- [ ] a task")
  const bob = await write(t, own, "rights#t=r")
  await bob.reads("- [ ] a task")
  await bob.page.getByText("You see everything as it happens.").waitFor()
  await bob.content.focus()
  await bob.page.keyboard.type("no")
  assert.equal(await bob.preview.getByRole("checkbox").isDisabled(), true)
  await ann.type("!")
  await bob.reads("- [ ] a task!")
  assert.equal(new URL(bob.page.url()).hash, "")
})

test("without a token one is told what to ask for", async (t) => {
  const own = await startSite({ tokens: [{ token: "w", subject: "ann", docs: { "*": ["read"] } }] })
  t.after(() => own.close())
  const { page } = await visit(t, own, "/text/closed", {
    expect: [/status of 401|WebSocket connection to .* failed/],
  })
  await page.locator("main.refused h1").waitFor()
})

test("a text that was deleted can be saved again", async (t) => {
  const ann = await write(t, site, "deleted")
  await ann.type("still here")
  await ann.saveState(/^Saved$/)
  assert.equal((await fetch(`${site.relay.url}/v1/docs/text-deleted`, { method: "DELETE" })).status, 204)
  await ann.page.getByRole("alert").getByRole("button", { name: "Save it again" }).click()
  await ann.saveState(/^Saved$/)
  const bob = await write(t, site, "deleted", { name: "Bob" })
  await bob.reads("still here")
})

test("what others send that is no text, no update and no cursor breaks nothing", async (t) => {
  const ann = await write(t, site, "hostile")
  const bob = await write(t, site, "hostile", { name: "Bob" })
  await ann.type("one two")
  await bob.reads("one two")
  const eve = new Peer(site.relay.url, "text-hostile", {}, { format: "yjs" })
  t.after(() => eve.connection.close())
  await until("Eve is there", () => eve.doc.status.state === "live")

  const log = await (await fetch(`${site.relay.url}/v1/docs/text-hostile/ops`)).json()
  const doc = new Y.Doc()
  for (const { payload } of log.ops) Y.applyUpdate(doc, Buffer.from(payload, "base64"))
  const sent = (change: () => void) => {
    const before = Y.encodeStateVector(doc)
    change()
    eve.append(Buffer.from(Y.encodeStateAsUpdate(doc, before)).toString("base64"))
  }
  for (const payload of [null, 7, { a: 1 }, "no base64!", "AAAA", "/////w==", ""]) eve.append(payload)
  const text = doc.getText("text")
  sent(() => text.insertEmbed(3, { image: "x" }))
  sent(() => text.insert(0, "a\r\nb\r"))
  sent(() => text.format(0, 4, { bold: true }))
  sent(() => text.insertEmbed(0, new Y.Map()))
  sent(() => doc.getMap("people").set("x", { name: 1, colour: "url(//elsewhere.example)" }))
  const other = new Y.Doc()
  other.getArray("text").insert(0, [1, null, { a: 2 }])
  eve.append(Buffer.from(Y.encodeStateAsUpdate(other)).toString("base64"))

  const states: Record<string, unknown>[] = [
    { awareness: null },
    { awareness: "x" },
    { awareness: { client: "x", state: 1 } },
    { awareness: { client: 5, state: null } },
    { awareness: { client: 5, state: { user: null, cursor: null } } },
    ...["#1971c2", "red;position:fixed;inset:0;background:url(//elsewhere.example/x)"].flatMap((color) =>
      [
        1,
        {},
        { item: { client: -1, clock: 0.5 } },
        { tname: "other" },
        { type: { client: 1, clock: 1 } },
      ].map((anchor) => ({
        awareness: {
          client: 5,
          state: { user: { name: { toString: 1 }, color }, cursor: { anchor, head: anchor } },
        },
      })),
    ),
  ]
  for (const state of states) {
    eve.doc.presence.set(state)
    const sentAt = Math.random()
    eve.doc.presence.set({ ...state, sentAt })
  }
  eve.doc.presence.set({
    me: { name: "x".repeat(5000), colour: "#1971c2" },
    awareness: { client: 5, state: {} },
  })
  await ann.page
    .getByRole("img", { name: /^x{40}$/ })
    .or(ann.page.getByRole("button", { name: /^Follow x{40}$/ }))
    .waitFor()

  // All still write at the places that they see, and read the same.
  await ann.type("\nann")
  await until("Bob has Ann's", async () => (await bob.lines()).at(-1) === "ann")
  await bob.content.focus()
  await bob.page.keyboard.press("Control+Home")
  await bob.page.keyboard.type("bob ")
  await until("Ann has Bob's", async () => (await ann.lines())[0]?.startsWith("bob "))
  assert.deepEqual(await ann.lines(), await bob.lines())
  await bob.type("\nlast")
  await until("Ann has the last", async () => (await ann.lines()).at(-1) === "last")
  const late = await write(t, site, "hostile", { name: "Cy" })
  await until("who comes late reads the same", async () => {
    return JSON.stringify(await late.lines()) === JSON.stringify(await ann.lines())
  })
})

test("the preview shows what Markdown means, and nothing of what it must not do", async (t) => {
  const ann = await write(t, site, "preview")
  await ann.paste(
    [
      "# Plan",
      "",
      "<img src=x onerror=alert(1)><script>alert(2)</script>",
      "",
      "[bad](javascript:alert(3)) [good](https://elsewhere.example/)",
      "![far](https://elsewhere.example/x.png) ![near](/icon.svg)",
      "",
      "| a | b |",
      "|---|---|",
      "| 1 | 2 |",
    ].join("\n"),
  )
  await ann.preview.getByRole("heading", { name: "Plan" }).waitFor()
  await ann.preview.getByRole("cell", { name: "2" }).waitFor()
  const links = await ann.preview
    .getByRole("link")
    .evaluateAll((all) =>
      all.map((a) => [a.textContent, (a as HTMLAnchorElement).rel, (a as HTMLAnchorElement).target]),
    )
  assert.deepEqual(links, [["good", "noopener noreferrer", "_blank"]])
  const images = await ann.preview
    .locator("img")
    .evaluateAll((all) => all.map((img) => (img as HTMLImageElement).alt))
  assert.deepEqual(images, ["near"])
  await ann.preview.getByText("far (https://elsewhere.example/x.png)").waitFor()
  await ann.preview.getByText("<script>alert(2)</script>").waitFor()
  assert.equal(await ann.page.title(), "Plan - Baton")
})

test("a task that is ticked in the preview is ticked in the text, for all", async (t) => {
  const ann = await write(t, site, "tasks")
  await ann.paste("- [ ] one\n- [x] two")
  const bob = await write(t, site, "tasks", { name: "Bob" })
  await ann.preview.getByRole("checkbox", { name: "one" }).check()
  await bob.reads("- [x] one\n- [x] two")
  await bob.preview.getByRole("checkbox", { name: "two" }).focus()
  await bob.page.keyboard.press("Space")
  await ann.reads("- [x] one\n- [ ] two")
  await until("the box has the focus still", () =>
    bob.page.evaluate(() => document.activeElement?.getAttribute("aria-label") === "two"),
  )
})

test("edit, side by side and preview show what they say, and the choice is kept", async (t) => {
  const ann = await write(t, site, "views")
  const views = ann.page.getByRole("group", { name: "What is shown" })
  await views.getByRole("button", { name: "Edit" }).click()
  await ann.preview.waitFor({ state: "detached" })
  await views.getByRole("button", { name: "Preview" }).click()
  await ann.content.waitFor({ state: "hidden" })
  await ann.preview.waitFor()
  await ann.page.reload()
  await ann.preview.waitFor()
  assert.equal(await ann.content.isVisible(), false)
  await ann.page.setViewportSize({ width: 390, height: 800 })
  await views.getByRole("button", { name: "Side by side" }).waitFor({ state: "detached" })
})

test("side by side the preview scrolls with the editor", async (t) => {
  const ann = await write(t, site, "scrolling")
  await ann.paste(Array.from({ length: 120 }, (_, i) => `## Part ${i}\n\nSome words about it.\n`).join("\n"))
  await ann.preview.getByRole("heading", { name: "Part 119" }).waitFor()
  await ann.page.locator(".text-panes .cm-scroller").evaluate((scroller) => {
    scroller.scrollTop = scroller.scrollHeight / 2
  })
  await until("both show the same part at their top", () =>
    ann.page.evaluate(() => {
      const first = (selector: string, scope: string) => {
        const top = document.querySelector(scope)?.getBoundingClientRect().top ?? 0
        const all = [...document.querySelectorAll(selector)]
        const seen = all.find(
          (e) => e.getBoundingClientRect().bottom > top && /Part/.test(e.textContent ?? ""),
        )
        return Number(/Part (\d+)/.exec(seen?.textContent ?? "")?.[1])
      }
      const [left, right] = [first(".cm-line", ".cm-scroller"), first(".preview h2", ".preview")]
      return left > 40 && Math.abs(left - right) <= 1
    }),
  )
})

test("the text comes as a Markdown file", async (t) => {
  const ann = await write(t, site, "download")
  await ann.type("# Kept")
  const [file] = await Promise.all([
    ann.page.waitForEvent("download"),
    ann.page.getByRole("button", { name: "Download as Markdown" }).click(),
  ])
  assert.equal(file.suggestedFilename(), "download.md")
  assert.equal(await readFile(await file.path(), "utf8"), "# Kept")
})

test("who is followed has their place shown, until one does something oneself", async (t) => {
  const ann = await write(t, site, "following")
  await ann.paste(Array.from({ length: 300 }, (_, i) => `line ${i}`).join("\n"))
  const bob = await write(t, site, "following", { name: "Bob" })
  await bob.counts("600 words, 2,589 characters")
  await ann.content.focus()
  await ann.page.keyboard.press("Control+Home")
  const follow = bob.page.getByRole("button", { name: "Follow Ann" })
  await follow.click()
  await ann.page.keyboard.press("Control+End")
  await ann.page.keyboard.type("!")
  await bob.content.getByText("line 299!").waitFor()
  assert.equal(await follow.getAttribute("aria-pressed"), "true")
  await bob.content.getByText("line 299!").click()
  await until("Bob follows no more", async () => (await follow.getAttribute("aria-pressed")) === "false")
})

test("half a megabyte is pasted, and comes to the other", async (t) => {
  const ann = await write(t, site, "paste")
  const bob = await write(t, site, "paste", { name: "Bob" })
  const line = `${"lorem ipsum ".repeat(8).trim()}\n`
  const big = line.repeat(Math.ceil(500_000 / line.length))
  await ann.paste(big.replaceAll("\n", "\r\n"))
  await bob.page
    .getByTestId("counts")
    .getByText(`${big.length.toLocaleString("en-US")} characters`)
    .waitFor()
  await ann.saveState(/^Saved$/)
})

test("a key is on the screen within 50 ms in a text of 100 kB", async (t) => {
  const ann = await write(t, site, "latency")
  const line = "Some **words** of a text that has _many_ such lines, and `code`.\n"
  const part = `${line.repeat(6)}\n`
  await ann.paste(part.repeat(Math.ceil(100_000 / part.length)))
  const bob = await write(t, site, "latency", { name: "Bob" })
  await bob.content.focus()
  await bob.page.keyboard.press("Control+a") // what others select is drawn as well
  await ann.page.locator(".cm-ySelection, .cm-yLineSelection").first().waitFor()
  await ann.content.focus()
  const times: number[] = await ann.page.evaluate(async () => {
    const took: number[] = []
    for (let i = 0; i < 80; i++) {
      const began = performance.now()
      document.execCommand("insertText", false, "x")
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
      took.push(performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 60)) // as fast as a person types
    }
    return took
  })
  const sorted = times.toSorted((a, b) => a - b)
  const [median, most] = [sorted[40] as number, sorted[76] as number]
  t.diagnostic(
    `from key to screen at 100 kB: median ${median.toFixed(1)} ms, 95 % within ${most.toFixed(1)} ms`,
  )
  assert.ok(median < 50, `the median is ${median} ms`)
})
