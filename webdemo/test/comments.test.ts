import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { after, before, type TestContext, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { atDesk, inPage, visitBoard } from "./harness/desk.ts"
import { type Site, startSite, type Visitor } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Two people on a board of their own. */
async function two(t: TestContext, name: string): Promise<[Visitor, Visitor]> {
  return [await visitBoard(t, site, name), await visitBoard(t, site, name)]
}

/** Pins a comment at a place of the canvas, in CSS pixels from its top left, and leaves the thread open. */
async function pin(page: Page, x: number, y: number, text: string): Promise<void> {
  await page.locator(".commentbuttons-add").click()
  await page.locator(".placing").click({ position: { x, y } })
  await page.getByLabel("Write a comment").fill(text)
  await page.keyboard.press("Enter")
  await page.locator(".thread").getByText(text).waitFor()
}

async function reply(page: Page, text: string): Promise<void> {
  await page.getByLabel("Reply").fill(text)
  await page.keyboard.press("Enter")
  await page.locator(".thread").getByText(text).waitFor()
}

/** Where the tip of the only pin is, in CSS pixels from the top left of the canvas. */
async function tip(page: Page): Promise<{ x: number; y: number }> {
  const [pin, canvas] = await Promise.all([
    page.locator(".pin").boundingBox(),
    page.locator(".canvas").boundingBox(),
  ])
  assert.ok(pin && canvas)
  return { x: pin.x - canvas.x, y: pin.y + pin.height - canvas.y }
}

function near(a: { x: number; y: number }, b: { x: number; y: number }): boolean {
  return Math.hypot(a.x - b.x, a.y - b.y) < 2
}

async function saved(visitor: Visitor): Promise<void> {
  await until("all is saved", () =>
    inPage(visitor, (desk) => desk.session.board.document.saved.pending === 0),
  )
}

test("a comment is seen by the other, who answers, and either resolves it", async (t) => {
  const [ann, bob] = await two(t, "talk")
  await pin(ann.page, 300, 250, "Is this right?\nI wonder.")
  await bob.page.locator(".pin").click()
  assert.equal(await bob.page.locator(".thread .note p").textContent(), "Is this right?\nI wonder.")
  await reply(bob.page, "It is.")
  await ann.page.locator(".thread").getByText("It is.").waitFor()
  assert.equal(await ann.page.locator(".pin b").textContent(), "2")
  await ann.page.getByRole("button", { name: "Resolve", exact: true }).click()
  await ann.page.locator(".pin").waitFor({ state: "detached" })
  await bob.page.getByRole("button", { name: "Reopen" }).waitFor()

  await ann.page.getByRole("button", { name: "All comments" }).click()
  await ann.page.getByRole("button", { name: "Resolved (1)" }).click()
  await ann.page.locator(".threads-item").click()
  await ann.page.getByRole("button", { name: "Reopen" }).click()
  await ann.page.getByRole("button", { name: "Open (1)" }).waitFor()
  await bob.page.getByRole("button", { name: "Resolve", exact: true }).waitFor()
})

test("an answer to a resolved thread opens it again", async (t) => {
  const [ann, bob] = await two(t, "again")
  await pin(ann.page, 300, 250, "Done?")
  await bob.page.locator(".pin").click()
  await ann.page.getByRole("button", { name: "Resolve", exact: true }).click()
  await bob.page.getByRole("button", { name: "Reopen" }).waitFor()
  await reply(bob.page, "No.")
  await ann.page.locator(".pin").waitFor()
})

test("what was not read is marked, until it is read, and after a reload too", async (t) => {
  const [ann, bob] = await two(t, "unread")
  await pin(ann.page, 300, 250, "News")
  const all = bob.page.getByRole("button", { name: "All comments" })
  await bob.page.getByRole("button", { name: "All comments, 1 unread" }).waitFor()
  await bob.page.getByRole("button", { name: /^Comment by .*, unread$/ }).click()
  await bob.page.locator(".pin i").waitFor({ state: "detached" })
  assert.equal(await all.getAttribute("aria-label"), "All comments")
  await bob.page.keyboard.press("Escape")

  await bob.page.reload()
  await atDesk(bob)
  await bob.page.locator(".pin").waitFor()
  assert.equal(await bob.page.locator(".pin i").count(), 0)
  assert.equal(await all.getAttribute("aria-label"), "All comments")

  await reply(ann.page, "More news")
  await bob.page.locator(".pin i").waitFor()
  assert.equal(await ann.page.locator(".pin i").count(), 0, "one's own note is read")
})

test("C and a click pin a comment, Escape leaves it, and what has no text is not written", async (t) => {
  const ann = await visitBoard(t, site, "keys")
  const { page } = ann
  await page.locator("canvas.interactive").click({ position: { x: 300, y: 300 } })
  await page.keyboard.press("c")
  await page.locator(".placing").waitFor()
  await page.keyboard.press("Escape")
  await page.locator(".placing").waitFor({ state: "detached" })

  await page.keyboard.press("c")
  await page.locator(".placing").click({ position: { x: 400, y: 300 } })
  await page.getByLabel("Write a comment").pressSequentially("   ")
  await page.keyboard.press("Enter")
  await page.keyboard.press("Escape")
  await page.locator(".thread").waitFor({ state: "detached" })
  assert.deepEqual(await inPage(ann, (desk) => Object.keys(desk.session.board.doc.comments)), [])

  await page.keyboard.press("c")
  await page.keyboard.press("Enter")
  await page.getByLabel("Write a comment").fill("By keys alone")
  await page.keyboard.press("Control+Enter")
  const { width, height } = (await page.locator(".canvas").boundingBox()) ?? assert.fail()
  await page.locator(".thread").getByText("By keys alone").waitFor()
  assert.ok(near(await tip(page), { x: width / 2, y: height / 2 }), "Enter puts it in the middle")
})

test("keys that are typed into a comment do not reach the canvas", async (t) => {
  const ann = await visitBoard(t, site, "typing")
  const { page } = ann
  await page.keyboard.press("r")
  await page.mouse.move(500, 400)
  await page.mouse.down()
  await page.mouse.move(620, 480, { steps: 4 })
  await page.mouse.up()
  await until("there is a rectangle", () => inPage(ann, (desk) => desk.api.getSceneElements().length === 1))

  await pin(page, 700, 250, "First")
  await page.getByLabel("Reply").pressSequentially("rdo c1 Text")
  await page.keyboard.press("Home")
  await page.keyboard.press("Delete")
  await page.keyboard.press("Control+a")
  await page.keyboard.press("Backspace")
  await page.keyboard.press("Control+z")
  await page.keyboard.press("Control+a")
  await page.keyboard.press("Control+x")
  await page.keyboard.press("Control+v")
  await page.getByLabel("Reply").fill("")
  await page.keyboard.press("Shift+Enter")
  await page.keyboard.press("Escape")
  await page.keyboard.press("Delete") // the pin has the focus now
  const [tool, kinds] = await inPage(ann, (desk) => [
    desk.api.getAppState().activeTool.type,
    desk.api.getSceneElements().map(({ type }) => type),
  ])
  assert.equal(tool, "selection")
  assert.deepEqual(kinds, ["rectangle"])
  await page.keyboard.press("d")
  assert.equal(await inPage(ann, (desk) => desk.api.getAppState().activeTool.type), "diamond")
})

test("what was typed and not sent is there when the thread is opened again", async (t) => {
  const { page } = await visitBoard(t, site, "draft")
  await pin(page, 500, 250, "First")
  await page.getByLabel("Reply").fill("Half a thou")
  await page.locator("canvas.interactive").click({ position: { x: 300, y: 400 } })
  await page.locator(".thread").waitFor({ state: "detached" })
  await page.locator(".pin").click()
  assert.equal(await page.getByLabel("Reply").inputValue(), "Half a thou")
})

test("a pin keeps its place on the board while the canvas is scrolled and zoomed", async (t) => {
  const { page } = await visitBoard(t, site, "place")
  await pin(page, 500, 250, "Here")
  await page.keyboard.press("Escape")
  assert.ok(near(await tip(page), { x: 500, y: 250 }), "it is where the click was")
  await page.locator("canvas.interactive").hover({ position: { x: 300, y: 500 } })
  await page.mouse.wheel(100, 60)
  await until("it has moved along", async () => near(await tip(page), { x: 400, y: 190 }))
  const pinBox = await page.locator(".pin").boundingBox()
  assert.ok(pinBox)
  await page.mouse.move(pinBox.x + 10, pinBox.y + 10)
  await page.mouse.wheel(0, -60)
  await until("the wheel over a pin moves the canvas", async () => near(await tip(page), { x: 400, y: 250 }))
  const before = await page.evaluate(() => window.baton?.api.getAppState())
  assert.ok(before)
  await page.evaluate(() => {
    const zoom = { value: 2 }
    window.baton?.api.updateScene({ appState: { scrollX: -300, scrollY: -50, zoom } })
  })
  const place = { x: 400 - before.scrollX, y: 250 - before.scrollY }
  const want = { x: (place.x - 300) * 2, y: (place.y - 50) * 2 }
  await until("it is where the zoomed canvas has it", async () => near(await tip(page), want))
  const zoomed = await page.locator(".pin").boundingBox()
  assert.equal(zoomed?.width, pinBox.width, "its size is the same")
})

test("a pin is dragged to another place, by the pointer and by arrow keys", async (t) => {
  const [ann, bob] = await two(t, "drag")
  await pin(ann.page, 500, 250, "Here")
  await ann.page.keyboard.press("Escape")
  const box = await ann.page.locator(".pin").boundingBox()
  assert.ok(box)
  await ann.page.mouse.move(box.x + 15, box.y + 15)
  await ann.page.mouse.down()
  await ann.page.mouse.move(box.x + 115, box.y + 65, { steps: 5 })
  await ann.page.mouse.up()
  assert.equal(await ann.page.locator(".thread").count(), 0, "a drag is no click")
  assert.ok(near(await tip(ann.page), { x: 600, y: 300 }))
  await bob.page.locator(".pin").waitFor()
  await until("the other sees it there", async () => near(await tip(bob.page), { x: 600, y: 300 }))

  await bob.page.locator(".pin").focus()
  await bob.page.keyboard.press("ArrowLeft")
  await bob.page.keyboard.press("Shift+ArrowDown")
  await until("it comes back moved", async () => near(await tip(ann.page), { x: 590, y: 350 }))
})

test("of two who move one pin at once, one wins with both coordinates", async (t) => {
  const [ann, bob] = await two(t, "rivals")
  await pin(ann.page, 500, 250, "Here")
  await ann.page.keyboard.press("Escape")
  await saved(ann)
  await bob.page.locator(".pin").waitFor()
  for (const { page } of [ann, bob]) await page.evaluate(() => window.baton?.session.connection.pause())
  // Each moves it along one axis: merged one by one, the coordinates would be a place that nobody chose.
  await ann.page.locator(".pin").focus()
  await ann.page.keyboard.press("ArrowLeft")
  await bob.page.locator(".pin").focus()
  await bob.page.keyboard.press("Shift+ArrowDown")
  for (const { page } of [ann, bob]) await page.evaluate(() => window.baton?.session.connection.resume())
  for (const visitor of [ann, bob]) {
    await atDesk(visitor)
    await saved(visitor)
  }
  await until("both see the same place of one of them", async () => {
    const [a, b] = [await tip(ann.page), await tip(bob.page)]
    return near(a, b) && (near(a, { x: 490, y: 250 }) || near(a, { x: 500, y: 300 }))
  })
})

test("answers that two give at once both stay, also of one who was offline", async (t) => {
  const [ann, bob] = await two(t, "offline")
  await pin(ann.page, 500, 250, "Who comes?")
  await bob.page.locator(".pin").click()
  await bob.page.evaluate(() => window.baton?.session.connection.pause())
  await reply(bob.page, "I do")
  await reply(ann.page, "Me too")
  await ann.page.keyboard.press("Escape")
  await bob.page.evaluate(() => window.baton?.session.connection.resume())
  await ann.page.locator(".pin i").waitFor() // also though it sorts before what was read
  await ann.page.locator(".pin").click()
  for (const { page } of [ann, bob]) {
    await until("all three notes are there", async () => (await page.locator(".note").count()) === 3)
  }
  const texts = await Promise.all([ann, bob].map(({ page }) => page.locator(".note p").allInnerTexts()))
  assert.deepEqual(texts[0], texts[1])
})

test("an answer comes after what it answers, also where the clocks differ", async (t) => {
  const [ann, bob] = await two(t, "clocks")
  await ann.page.clock.setFixedTime(Date.now() + 600_000)
  await pin(ann.page, 500, 250, "From ten minutes ahead")
  await bob.page.locator(".pin").click()
  await reply(bob.page, "From now")
  await until("both are there", async () => (await ann.page.locator(".note").count()) === 2)
  assert.deepEqual(await ann.page.locator(".note p").allInnerTexts(), ["From ten minutes ahead", "From now"])
})

test("one's own notes can be written anew and deleted, and no one else's", async (t) => {
  const [ann, bob] = await two(t, "own")
  await pin(ann.page, 500, 250, "Tpyo")
  await bob.page.locator(".pin").click()
  assert.equal(await bob.page.getByRole("button", { name: "Edit" }).count(), 0)
  await reply(bob.page, "Typo?")
  await ann.page.reload()
  await atDesk(ann)
  await ann.page.locator(".pin").click()
  await ann.page.getByRole("button", { name: "Edit" }).click()
  await ann.page.getByLabel("Your note").fill("Typo")
  await ann.page.keyboard.press("Enter")
  await bob.page.locator(".note").first().getByText("edited").waitFor()
  assert.deepEqual(await bob.page.locator(".note p").allInnerTexts(), ["Typo", "Typo?"])

  await ann.page.getByRole("button", { name: "Delete" }).click()
  await until("it is gone", async () => (await bob.page.locator(".note").count()) === 1)
  await bob.page.getByRole("button", { name: "Delete" }).click()
  await ann.page.locator(".pin").waitFor({ state: "detached" })
  await ann.page.locator(".thread").waitFor({ state: "detached" })
})

test("the list goes to where a comment is pinned", async (t) => {
  const [ann, bob] = await two(t, "list")
  await pin(ann.page, 500, 250, "Far away")
  await pin(ann.page, 600, 350, "Second")
  await bob.page.locator(".pin").first().waitFor()
  await bob.page.evaluate(() => window.baton?.api.updateScene({ appState: { scrollX: 9000, scrollY: 9000 } }))
  await bob.page.getByRole("button", { name: /^All comments/ }).click()
  await until("both are listed", async () => (await bob.page.locator(".threads-item").count()) === 2)
  assert.match(
    (await bob.page.locator(".threads-item").allInnerTexts())[0] ?? "",
    /Second/,
    "the newest first",
  )
  await bob.page.locator(".threads-item").nth(1).click()
  await bob.page.locator(".thread").getByText("Far away").waitFor()
  await until("its pin is in sight", async () => {
    const box = await bob.page.locator(".pin-open").boundingBox()
    return box && box.x > 0 && box.x < 900 && box.y > 60 && box.y < 700
  })
  const items = await bob.page.locator(".threads-item").allInnerTexts()
  assert.match(items[0] ?? "", /Second/, "what is unread stays first")
})

test("also on a slow machine the list goes all the way", async (t) => {
  const ann = await visitBoard(t, site, "slow")
  await pin(ann.page, 500, 250, "Far away")
  await ann.page.getByRole("button", { name: /^All comments/ }).click()
  const machine = await ann.context.newCDPSession(ann.page)
  for (let i = 0; i < 5; i++) {
    await ann.page.evaluate(() =>
      window.baton?.api.updateScene({ appState: { scrollX: 9000, scrollY: 9000 } }),
    )
    await until("it is out of sight", async () => (await tip(ann.page)).x > 8000)
    await machine.send("Emulation.setCPUThrottlingRate", { rate: 12 })
    await ann.page.locator(".threads-item").click()
    await until("it is in sight", async () => (await tip(ann.page)).x < 900)
    await machine.send("Emulation.setCPUThrottlingRate", { rate: 1 })
  }
})

test("on a phone a thread does not hide its own pin", async (t) => {
  const { page } = await visitBoard(t, site, "phone", { viewport: { width: 390, height: 780 } })
  await page.getByRole("button", { name: "All comments" }).click()
  await page.getByRole("button", { name: "New comment" }).click()
  await page.locator(".placing").click({ position: { x: 200, y: 600 } })
  await page.getByLabel("Write a comment").fill("Down here")
  await page.keyboard.press("Enter")
  await until("the pin is above the thread", async () => {
    const [pin, thread] = await Promise.all([
      page.locator(".pin").boundingBox(),
      page.locator(".thread").boundingBox(),
    ])
    return pin && thread && pin.y + pin.height <= thread.y
  })
})

test("whoever may only read sees comments and cannot write", async (t) => {
  const guarded = await startSite({
    tokens: [
      {
        token: "writer-token-0123456789",
        subject: "ann",
        docs: { "board-*": ["read", "write", "presence"] },
      },
      { token: "reader-token-0123456789", subject: "bob", docs: { "board-*": ["read", "presence"] } },
    ],
  })
  t.after(() => guarded.close())
  const ann = await visitBoard(t, guarded, "guarded#t=writer-token-0123456789")
  await pin(ann.page, 500, 250, "Read this")
  const bob = await visitBoard(t, guarded, "guarded#t=reader-token-0123456789")
  await bob.page.locator(".pin").click()
  await bob.page.locator(".thread").getByText("Read this").waitFor()
  assert.equal(await bob.page.locator(".thread textarea").count(), 0)
  assert.equal(await bob.page.getByRole("button", { name: "Resolve" }).count(), 0)
  assert.equal(await bob.page.locator(".commentbuttons-add").count(), 0)
  await bob.page.keyboard.press("Escape")
  await bob.page.keyboard.press("c")
  assert.equal(await bob.page.locator(".placing").count(), 0)
  const at = await tip(bob.page)
  await bob.page.locator(".pin").focus()
  await bob.page.keyboard.press("ArrowRight")
  assert.ok(near(await tip(bob.page), at), "it does not move")
})

test("what makes no sense in the document breaks no page", async (t) => {
  const [ann, bob] = await two(t, "hostile")
  await pin(ann.page, 500, 250, "Sound")
  await saved(ann)
  await inPage(ann, (desk) => {
    desk.session.board.change((d) => {
      const comments = d.comments as Record<string, unknown>
      comments.number = 7
      comments.text = "a text"
      comments.nothing = null
      comments.list = [1, 2]
      comments.empty = {}
      comments.notes = { x: 1, y: 1, resolved: false, notes: "none" }
      comments.odd = {
        x: "left",
        y: null,
        resolved: "maybe",
        notes: { n: { text: "Odd", name: 5, colour: {}, at: -1 } },
      }
      comments.places = { x: 1e300, y: -1e300, resolved: false, notes: { n: { text: "Lost", at: 1e300 } } }
      comments.textless = { x: 1, y: 1, resolved: false, notes: { n: { text: ["x"] }, m: 3, o: null } }
      comments.markup = {
        x: 10,
        y: 10,
        resolved: false,
        notes: { n: { text: "<img src=x onerror=alert(1)>" } },
      }
      comments.huge = {
        x: 20,
        y: 20,
        resolved: false,
        notes: { n: { text: "long ".repeat(8000), name: "n".repeat(9000) } },
      }
      const many: Record<string, object> = {}
      for (let i = 0; i < 2000; i++) many[`zzzzzzzzz-${i}`] = { text: `Note ${i}`, at: i }
      comments.many = { x: 30, y: 30, resolved: false, notes: many }
      comments[`long${"g".repeat(500)}`] = { x: 1, y: 1, resolved: false, notes: { n: { text: "Long id" } } }
    })
  })
  await bob.page.getByRole("button", { name: /^All comments/ }).click()
  await until(
    "what can be read is listed",
    async () => (await bob.page.locator(".threads-item").count()) === 6,
  )
  const item = (text: string) => bob.page.locator(".threads-item").filter({ hasText: text })
  await item("<img").click()
  assert.equal(await bob.page.locator(".note p").textContent(), "<img src=x onerror=alert(1)>")
  await item("long long").click()
  const { length } = (await bob.page.locator(".note p").textContent()) ?? ""
  assert.ok(length > 4000 && length <= 5001, `${length} letters are shown`)
  await item("Odd").click()
  assert.match((await bob.page.locator(".note").textContent()) ?? "", /Somebody/)
  await item("Note 0").click()
  await bob.page.getByText("1700 more notes").waitFor()
  await reply(bob.page, "Enough")
  await item("Sound").click()
  await reply(bob.page, "It still works")
  await ann.page.locator(".thread").getByText("It still works").waitFor()
})

test("thousands of threads do not break the page", async (t) => {
  const ann = await visitBoard(t, site, "thousands")
  await inPage(ann, (desk) => {
    for (let part = 0; part < 4; part++) {
      desk.session.board.change((d) => {
        const comments = d.comments as Record<string, unknown>
        for (let i = part * 500; i < part * 500 + 500; i++) {
          comments[`t-${i}`] = {
            x: i % 50,
            y: i / 50,
            resolved: false,
            notes: { n: { text: `Thread ${i}`, at: 1 } },
          }
        }
      })
    }
  })
  await until("the most are shown", async () => (await ann.page.locator(".pin").count()) === 500)
  await pin(ann.page, 600, 500, "One more")
})

test("without its maps a document takes no comment, and the page says so", async (t) => {
  const ann = await visitBoard(t, site, "ruined")
  await inPage(ann, (desk) => {
    desk.session.board.change((d) => {
      d.comments = "nothing"
    })
  })
  await ann.page.locator(".commentbuttons-add").click()
  await ann.page.locator(".placing").click({ position: { x: 500, y: 300 } })
  await ann.page.getByLabel("Write a comment").fill("Hello?")
  await ann.page.keyboard.press("Enter")
  await ann.page.getByText("This could not be saved").waitFor()
  assert.equal(await ann.page.getByLabel("Write a comment").inputValue(), "Hello?")
})

for (const [size, viewport] of [
  ["a desktop", { width: 1280, height: 800 }],
  ["a phone", { width: 390, height: 780 }],
] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`axe finds nothing in comments on ${size}, ${colorScheme}`, async (t) => {
      const { page } = await visitBoard(t, site, `axe-${viewport.width}-${colorScheme}`, {
        viewport,
        colorScheme,
      })
      await page.locator("canvas.interactive").waitFor()
      await page.keyboard.press("c")
      await page.locator(".placing").click({ position: { x: 200, y: 250 } })
      await page.getByLabel("Write a comment").fill("Look at this")
      await page.keyboard.press("Enter")
      await page.locator(".note").waitFor()
      const violations: string[] = []
      const look = async (...include: string[]) => violations.push(...(await axe(page, include)))
      await look(".commentbuttons", ".thread", ".overlay")
      await page.getByRole("button", { name: "All comments" }).click()
      await page.locator(".threads").waitFor()
      await look(".threads", ".commentbuttons")
      await page.getByRole("button", { name: "React" }).click()
      await look(".reactions")
      assert.deepEqual(violations, [])
    })
  }
}

const axeSource = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")

async function axe(page: Page, include: string[]): Promise<string[]> {
  await page.evaluate(await axeSource)
  return page.evaluate(async (include) => {
    const { axe } = window as unknown as {
      axe: { run(context: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
    }
    const { violations } = await axe.run({ include: include.map((selector) => [selector]) })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
  }, include)
}
