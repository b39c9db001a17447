import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { until } from "../../client/js/test/harness/deadline.ts"
import { inPage, visitBoard } from "./harness/desk.ts"
import { elementsOf, elementsWhen, fill, handleOf, same, saved } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

test("two thousand shapes that one drags are seen on their way by another, and written when they are dropped", async (t) => {
  const ann = await visitBoard(t, site, "carry")
  await fill(ann.page, 2000)
  const bob = await visitBoard(t, site, "carry")
  await elementsWhen(bob.page, 2000)
  const opsOf = async () => Number((await (await fetch(`${site.relay.url}/v1/docs/board-carry`)).json()).head)
  const head = await opsOf()

  await ann.page.keyboard.press("Control+a")
  const [x, y] = await handleOf(ann.page, "e1010")
  await ann.page.mouse.move(x, y)
  await ann.page.mouse.down()
  for (let i = 1; i <= 10; i++) await ann.page.mouse.move(x + 10 * i, y + 5 * i)
  const carried = (await elementsOf(ann.page)).find(({ id }) => id === "e1999")
  await until("the other sees the last of them where it is", async () => {
    const seen = (await elementsOf(bob.page)).find(({ id }) => id === "e1999")
    return seen?.x === carried?.x && seen?.y === carried?.y
  })
  assert.ok(Math.abs((carried?.x ?? 0) - 49 * 24) > 50, "it was not dragged")
  assert.equal(await opsOf(), head, "something was written before it was dropped")
  const stored = await inPage(bob, (desk) => desk.session.board.doc.elements.e1999)
  assert.equal((stored as { x: number }).x, 49 * 24)

  await ann.page.mouse.up()
  const dropped = Date.now()
  await saved(ann.page)
  t.diagnostic(`dropped to saved: ${Date.now() - dropped} ms`)
  assert.ok((await opsOf()) - head <= 10, "it took more than a few ops")
  await same(ann.page, bob.page)

  // What others carried is not this one's to take back.
  await bob.page.keyboard.press("Control+z")
  await ann.page.keyboard.press("Control+z")
  await until(
    "all is back",
    async () => (await elementsOf(bob.page)).find(({ id }) => id === "e1999")?.x === 49 * 24,
  )
  await same(ann.page, bob.page)
})

test("shapes that somebody carries are back where they were if that person goes", async (t) => {
  const ann = await visitBoard(t, site, "gone")
  await fill(ann.page, 150)
  const bob = await visitBoard(t, site, "gone")
  await elementsWhen(bob.page, 150)
  await ann.page.keyboard.press("Control+a")
  const [x, y] = await handleOf(ann.page, "e130")
  await ann.page.mouse.move(x, y)
  await ann.page.mouse.down()
  await ann.page.mouse.move(x + 100, y + 50, { steps: 5 })
  const placeOf = async () => (await elementsOf(bob.page)).find(({ id }) => id === "e0")?.x
  await until("they are seen on their way", async () => Number(await placeOf()) > 50)
  await ann.page.close()
  await until("they are back", async () => (await placeOf()) === 0, { timeout: 15_000 })
})
