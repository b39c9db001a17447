import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import { until } from "../../client/js/test/harness/deadline.ts"
import { inPage, visitBoard } from "./harness/desk.ts"
import {
  colour,
  drag,
  draw,
  elementsOf,
  elementsWhen,
  fill,
  same,
  saved,
  select,
  write,
} from "./harness/draw.ts"
import { type Site, startSite, type Visitor } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

type Props = Record<string, unknown>

/** The first element of a board, with all that it has. */
async function first(page: Page): Promise<Props> {
  const [element] = await elementsOf(page)
  return (element ?? {}) as unknown as Props
}

async function becomes(page: Page, what: string, look: (element: Props) => unknown): Promise<void> {
  await until(what, async () => look(await first(page)))
}

/** Lets people work without seeing each other, and brings them together. */
async function apart(visitors: Visitor[], work: () => Promise<void>): Promise<void> {
  for (const visitor of visitors) await inPage(visitor, (desk) => desk.session.connection.pause())
  await work()
  for (const visitor of visitors) await inPage(visitor, (desk) => desk.session.connection.resume())
  for (const { page } of visitors) await saved(page)
}

async function two(t: Parameters<typeof visitBoard>[0], name: string) {
  const ann = await visitBoard(t, site, name)
  const bob = await visitBoard(t, site, name)
  /** Ann draws a rectangle, and both have it. */
  const rectangle = async () => {
    await draw(ann.page, "r", [500, 300], [700, 400])
    await saved(ann.page)
    await elementsWhen(bob.page, 1)
    return String((await first(ann.page)).id)
  }
  return { ann, bob, rectangle }
}

test("what one draws by keys and mouse the other sees, from the first moment and without a click", async (t) => {
  const { ann, bob } = await two(t, "draws")
  const keys = ["r", "d", "o", "a", "l", "p"]
  for (const [i, key] of keys.entries()) await draw(ann.page, key, [350 + 110 * i, 300], [430 + 110 * i, 380])
  await elementsWhen(bob.page, keys.length)
  assert.deepEqual(
    (await elementsOf(bob.page)).map(({ type }) => type),
    ["rectangle", "diamond", "ellipse", "arrow", "line", "freedraw"],
  )
  await saved(ann.page)
  await same(ann.page, bob.page)
  assert.equal(await ann.page.getByTestId("savestate").textContent(), "Saved")
})

test("one moves a shape while another recolours it, and both stay", async (t) => {
  const { ann, bob, rectangle } = await two(t, "both")
  const id = await rectangle()
  const { x } = await first(ann.page)
  await apart([ann, bob], async () => {
    await drag(ann.page, id, [120, 60])
    await select(bob.page, id)
    await colour(bob.page, "#e03131")
    assert.match((await bob.page.getByTestId("savestate").textContent()) ?? "", /Offline, \d+ to send/)
  })
  for (const { page } of [ann, bob]) {
    await becomes(page, "it has both", (e) => e.strokeColor === "#e03131" && Number(e.x) > Number(x) + 100)
  }
  await same(ann.page, bob.page)
})

test("what one deletes while another moves it is gone, and undo brings it back where it was moved to", async (t) => {
  const { ann, bob, rectangle } = await two(t, "delete")
  const id = await rectangle()
  const { x } = await first(ann.page)
  await apart([ann, bob], async () => {
    await select(ann.page, id)
    await ann.page.keyboard.press("Delete")
    await drag(bob.page, id, [120, 60])
  })
  await elementsWhen(ann.page, 0)
  await elementsWhen(bob.page, 0)
  await ann.page.keyboard.press("Control+z")
  await elementsWhen(bob.page, 1)
  await becomes(ann.page, "it is where bob has put it", (e) => Number(e.x) > Number(x) + 100)
  await same(ann.page, bob.page)
})

test("undo and redo take back one's own work only", async (t) => {
  const { ann, bob, rectangle } = await two(t, "undo")
  const id = await rectangle()
  await select(ann.page, id)
  await colour(ann.page, "#e03131")
  await becomes(bob.page, "it is red", (e) => e.strokeColor === "#e03131")
  await drag(bob.page, id, [120, 60])
  const { x } = await first(bob.page)
  await becomes(ann.page, "it has moved", (e) => e.x === x)
  await ann.page.keyboard.press("Control+z")
  await becomes(bob.page, "its colour is back", (e) => e.strokeColor !== "#e03131" && e.x === x)
  await ann.page.keyboard.press("Control+Shift+z")
  await becomes(bob.page, "it is red again", (e) => e.strokeColor === "#e03131" && e.x === x)
  await bob.page.keyboard.press("Control+z")
  await becomes(ann.page, "bob's move is back", (e) => e.strokeColor === "#e03131" && e.x !== x)
  await same(ann.page, bob.page)
})

test("a stroke is seen while it is drawn, and another draws meanwhile", async (t) => {
  const { ann, bob } = await two(t, "stroke")
  await ann.page.keyboard.press("p")
  await ann.page.mouse.move(400, 300)
  await ann.page.mouse.down()
  await ann.page.mouse.move(500, 350, { steps: 10 })
  await elementsWhen(bob.page, 1)
  const pointsOf = async (page: Page) => ((await first(page)).points as unknown[] | undefined)?.length ?? 0
  const before = await pointsOf(bob.page)
  await draw(bob.page, "r", [600, 300], [700, 400])
  await ann.page.mouse.move(450, 450, { steps: 20 })
  await until("it is seen to grow", async () => (await pointsOf(bob.page)) >= before + 15)
  await elementsWhen(ann.page, 2)
  await ann.page.mouse.up()
  await saved(ann.page)
  assert.ok((await pointsOf(ann.page)) >= 30, "the stroke was broken off")
  assert.equal(await pointsOf(bob.page), await pointsOf(ann.page))
})

test("two type into one label at once, and all letters stay", async (t) => {
  const { ann, bob, rectangle } = await two(t, "label")
  const id = await rectangle()
  await write(ann.page, id, 50)
  await ann.page.keyboard.type("middle")
  await elementsWhen(bob.page, 2)
  await write(bob.page, id, 50)
  await ann.page.keyboard.press("End")
  await bob.page.keyboard.press("Home")
  for (const letter of "abc") {
    await ann.page.keyboard.type(letter)
    await bob.page.keyboard.type(letter.toUpperCase())
  }
  await ann.page.keyboard.press("Escape")
  await bob.page.keyboard.press("Escape")
  for (const { page } of [ann, bob]) {
    await until("the label has all letters", async () =>
      ((await elementsOf(page)) as unknown as Props[]).some(({ originalText }) => originalText === "ABCmiddleabc"),
    ) // biome-ignore format: one condition
  }
  await same(ann.page, bob.page)
})

test("an arrow follows the shape that another moves", async (t) => {
  const { ann, bob, rectangle } = await two(t, "arrow")
  const id = await rectangle()
  await draw(ann.page, "a", [350, 500], [560, 399])
  await elementsWhen(bob.page, 2)
  await saved(ann.page)
  const arrowOf = async (page: Page) => (await elementsOf(page)).find(({ type }) => type === "arrow")
  const { width } = (await arrowOf(bob.page)) ?? { width: 0 }
  await drag(bob.page, id, [200, 0])
  await until("it has followed", async () => ((await arrowOf(ann.page))?.width ?? 0) > width + 150)
  await saved(bob.page)
  await same(ann.page, bob.page)
})

test("duplicates, groups and order arrive", async (t) => {
  const { ann, bob, rectangle } = await two(t, "order")
  const id = await rectangle()
  await select(ann.page, id)
  await ann.page.keyboard.press("Control+d")
  await elementsWhen(bob.page, 2)
  await ann.page.keyboard.press("Control+a")
  await ann.page.keyboard.press("Control+g")
  await until("both are grouped", async () =>
    ((await elementsOf(bob.page)) as unknown as Props[]).every(({ groupIds }) => (groupIds as string[]).length === 1),
  ) // biome-ignore format: one condition
  await draw(bob.page, "o", [550, 320], [650, 420])
  await elementsWhen(ann.page, 3)
  await bob.page.keyboard.press("Control+Shift+[")
  await until("the new one lies behind", async () => (await first(ann.page)).type === "ellipse")
  await saved(bob.page)
  await same(ann.page, bob.page)
})

test("a click that draws nothing leaves nothing, and neither does an empty text", async (t) => {
  const { ann, bob, rectangle } = await two(t, "nothing")
  await rectangle()
  await ann.page.keyboard.press("o")
  await ann.page.mouse.click(400, 500)
  await ann.page.keyboard.press("t")
  await ann.page.mouse.click(400, 450)
  await ann.page.keyboard.press("Escape")
  await saved(ann.page)
  await elementsWhen(bob.page, 1)
  await elementsWhen(ann.page, 1)
})

test("others' cursors, selections and lasers are seen, and whoever is followed leads", async (t) => {
  const { ann, bob, rectangle } = await two(t, "company")
  const id = await rectangle()
  const look = (page: Page) => page.evaluate(() => JSON.parse(localStorage.getItem("baton.me") ?? "{}"))
  const { name } = (await look(ann.page)) as { name: string }
  await ann.page.mouse.move(500, 350)
  const cursor = bob.page.locator(".cursor")
  await cursor.waitFor()
  assert.equal((await cursor.textContent())?.trim(), name)
  const colourOf = (page: Page, face: string) =>
    page.locator(face).first().evaluate((node) => getComputedStyle(node).backgroundColor) // biome-ignore format: short
  const theirs = await colourOf(bob.page, ".face:not(.face-me)")
  await until("the colours differ", async () => (await colourOf(bob.page, ".face-me")) !== theirs)
  const xOf = async () => (await cursor.boundingBox())?.x ?? 0
  await until("it is where hers is", async () => Math.abs((await xOf()) - 500) < 5)
  await ann.page.mouse.move(800, 350, { steps: 5 })
  await until("it moves", async () => Math.abs((await xOf()) - 800) < 5)

  const told = () =>
    inPage(bob, ({ api }) => {
      const { collaborators } = api.getAppState() as unknown as { collaborators: Map<string, Props> }
      const [other] = collaborators.values()
      return other && { selected: Object.keys(other.selectedElementIds as object), button: other.button, laser: !!other.pointer }
    }) // biome-ignore format: one object
  await select(ann.page, id)
  await until("the selection is seen", async () => (await told())?.selected.includes(id))
  await ann.page.keyboard.press("k")
  await ann.page.mouse.move(600, 500)
  await ann.page.mouse.down()
  await ann.page.mouse.move(700, 550, { steps: 10 })
  await until("the laser is seen", async () => (await told())?.laser && (await told())?.button === "down")
  await ann.page.mouse.up()
  assert.equal((await elementsOf(bob.page)).length, 1, "a laser draws nothing")

  const face = bob.page.getByRole("button", { name: `Follow ${name}` })
  await face.click()
  await ann.page.keyboard.press("v")
  await ann.page.mouse.move(640, 400)
  await ann.page.mouse.wheel(300, 200)
  const viewOf = (visitor: Visitor) =>
    inPage(visitor, ({ api }) => {
      const { scrollX, scrollY, zoom } = api.getAppState()
      return [scrollX, scrollY, zoom.value] as [number, number, number]
    })
  const near = async () => {
    const [a, b] = [await viewOf(ann), await viewOf(bob)]
    return a.every((n, i) => Math.abs(n - (b[i] ?? 0)) < 2)
  }
  await until("the view has followed", near)
  await ann.page.keyboard.press("Control+-")
  await until("the zoom has followed", near)
  assert.equal(await face.getAttribute("aria-pressed"), "true")
  await bob.page.mouse.move(640, 400)
  await bob.page.mouse.wheel(0, 300)
  await until("scrolling oneself ends it", async () => (await face.getAttribute("aria-pressed")) === "false")
})

test("five hundred shapes that are duplicated at once arrive", async (t) => {
  const { ann, bob } = await two(t, "many")
  await fill(ann.page, 250)
  await ann.page.keyboard.press("Control+a")
  await ann.page.keyboard.press("Control+d")
  await elementsWhen(bob.page, 500)
  await saved(ann.page)
  await same(ann.page, bob.page)
})

test("elements that make no sense break nobody's page", async (t) => {
  const { ann, bob, rectangle } = await two(t, "nonsense")
  await rectangle()
  await inPage(ann, ({ session }) => {
    const { board } = session
    const [some] = Object.values(board.doc.elements) as Props[]
    const Word = some?.type?.constructor as new (text: string) => unknown
    const json = (value: unknown) => new Word(JSON.stringify(value))
    const w = (text: string) => new Word(text)
    const line = { points: json([[0, 0], [90, 40]]), startArrowhead: w("nonsense"), endArrowhead: w("bar") } // biome-ignore format: short
    const odd: Record<string, Props> = {
      empty: { type: w("rectangle") },
      self: { type: w("text"), containerId: w("self"), "bound:self": w("text"), text: w("a"), originalText: "b" },
      ring: { type: w("frame"), frameId: w("ring"), width: 50, height: 50 },
      arrow: { type: w("arrow"), ...line, startBinding: json({ elementId: "gone", focus: 9, gap: -5 }) },
      elbow: { type: w("arrow"), ...line, elbowed: true, fixedSegments: json([{ index: 99, start: [0, 0], end: [1, 1] }]) },
      point: { type: w("line"), points: json([[0, 0]]) },
      stroke: { type: w("freedraw"), points: [1, 2, 3], pressures: [1e300] },
      image: { type: w("image"), fileId: w("gone"), scale: json([0, 0]), width: -5, height: 1e9 },
      page: { type: w("embeddable"), link: w("javascript:alert(1)"), width: 90, height: 90 },
      order: { type: w("ellipse"), index: w("!"), width: 20, height: 20 },
      label: { type: w("text"), text: w("x"), originalText: "label", containerId: w("order"), fontFamily: 99, lineHeight: 0 },
      huge: { type: w("diamond"), x: 1e308, y: -1e308, width: 1e308, height: 1e308, strokeWidth: 1e9 },
    } // biome-ignore format: a table
    for (const [id, props] of Object.entries(odd)) {
      board.change((d) => {
        const elements = d.elements as Record<string, Props>
        elements[id] = props
      })
    }
  })
  await saved(ann.page)
  await until("the other has them", async () => (await elementsOf(bob.page)).some(({ id }) => id === "huge"))
  await draw(bob.page, "o", [750, 300], [850, 400])
  await bob.page.keyboard.press("Control+a")
  for (const key of ["ArrowRight", "Control+g", "Control+Shift+]", "Control+z"])
    await bob.page.keyboard.press(key)
  await saved(bob.page)
  await until("what is drawn there arrives", async () => {
    const [last] = (await elementsOf(ann.page)).filter(
      ({ type, width }) => type === "ellipse" && width === 100,
    )
    return last
  })
  await bob.page.reload()
  await elementsWhen(bob.page, (await elementsOf(ann.page)).length)
})
