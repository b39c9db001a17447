import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { until } from "../../client/js/test/harness/deadline.ts"
import { inPage, visitBoard } from "./harness/desk.ts"
import { elementsWhen } from "./harness/draw.ts"
import { type Site, startSite } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

interface Stroke {
  type: string
  pressures: number[]
  simulatePressure: boolean
  points: [number, number][]
}

test("a pen's pressure is seen by the others as it is drawn", async (t) => {
  const ann = await visitBoard(t, site, "pen")
  const bob = await visitBoard(t, site, "pen")
  const pen = await ann.context.newCDPSession(ann.page)
  await ann.page.keyboard.press("p")
  const move = (type: "mousePressed" | "mouseMoved" | "mouseReleased", i: number) =>
    pen.send("Input.dispatchMouseEvent", {
      ...{ type, x: 400 + 10 * i, y: 300 + 5 * i, button: "left", buttons: 1, clickCount: 1 },
      ...{ pointerType: "pen", force: 0.1 + 0.04 * i },
    })
  await move("mousePressed", 0)
  for (let i = 1; i <= 20; i++) await move("mouseMoved", i)
  const strokeOf = () =>
    inPage(bob, (desk) =>
      desk.api.getSceneElements().find(({ type }) => type === "freedraw"),
    ) as Promise<unknown> as Promise<Stroke | undefined>
  const drawn = await until("it is seen while the pen is down", async () => {
    const stroke = await strokeOf()
    return stroke && stroke.points.length > 15 && stroke
  })
  assert.equal(drawn.simulatePressure, false)
  assert.ok(Math.max(...drawn.pressures) > 0.6 && (drawn.pressures[0] ?? 1) < 0.2, `${drawn.pressures}`)
  await move("mouseReleased", 20)
})

test("a finger draws on a phone, and two fingers zoom", async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
  const ann = await visitBoard(t, site, "finger", phone)
  const bob = await visitBoard(t, site, "finger")
  const hand = await ann.context.newCDPSession(ann.page)
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...touchPoints: { x: number; y: number }[]) =>
    hand.send("Input.dispatchTouchEvent", { type, touchPoints: touchPoints.map((p, id) => ({ ...p, id })) })
  await ann.page.getByTestId("toolbar-freedraw").click({ force: true })
  await touch("touchStart", { x: 100, y: 300 })
  for (let i = 1; i <= 10; i++) await touch("touchMove", { x: 100 + 10 * i, y: 300 + 10 * i })
  await touch("touchEnd")
  const [stroke] = await elementsWhen(bob.page, 1)
  assert.equal(stroke?.type, "freedraw")

  const zoomOf = () => inPage(ann, (desk) => desk.api.getAppState().zoom.value)
  const before = await zoomOf()
  await touch("touchStart", { x: 150, y: 500 }, { x: 250, y: 500 })
  for (let i = 1; i <= 10; i++)
    await touch("touchMove", { x: 150 - 5 * i, y: 500 }, { x: 250 + 5 * i, y: 500 })
  await touch("touchEnd")
  await until("it is zoomed", async () => (await zoomOf()) > before * 1.3)
})
