import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { WebSocket } from "ws"
import { connect } from "../../client/js/src/index.ts"
import { visitBoard } from "./harness/desk.ts"
import { draw } from "./harness/draw.ts"
import { noNetwork, type Site, saveState, startSite, type Visitor } from "./harness/site.ts"
import { write } from "./harness/writer.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

/** Has so many people come to a document, and waits until the page says so. */
async function crowd({ page }: Visitor, document: string, people: number): Promise<() => void> {
  const connections = Array.from({ length: people }, () =>
    connect(site.relay.url, { WebSocket, shared: false }),
  )
  for (const [i, connection] of connections.entries()) {
    const doc = connection.join(document, { channels: ["presence"] })
    doc.presence.set({ me: { name: `Person ${i}`, colour: "#1971c2" } })
  }
  await page.getByText(`+${people - 5}`).waitFor({ state: "attached" })
  return () => {
    for (const connection of connections) connection.close()
  }
}

/** Checks that all that can be pressed in the header lies on the screen, and that nothing hides a button's middle. */
async function reachable({ page }: Visitor): Promise<void> {
  const hidden = await page.locator(".header").evaluate((header) =>
    [...header.querySelectorAll("a, button:not(.face:not(.face-me))")]
      .filter((control) => control.checkVisibility())
      .filter((control) => {
        const { left, top, width, height } = control.getBoundingClientRect()
        return !control.contains(document.elementFromPoint(left + width / 2, top + height / 2))
      })
      .map((control) => control.getAttribute("aria-label") ?? control.textContent),
  )
  assert.deepEqual(hidden, [])
}

test("on a phone a board's header is all in reach, in company and offline", async (t) => {
  const ann = await visitBoard(t, site, "narrow", { ...phone, proxied: true, expect: noNetwork })
  await reachable(ann)
  const leave = await crowd(ann, "board-narrow", 9)
  t.after(leave)
  await reachable(ann)
  ann.proxy?.refuse(true)
  ann.proxy?.cut()
  await draw(ann.page, "r", [100, 300], [200, 400])
  await saveState(ann.page, /^Offline, \d+ to send$/)
  await reachable(ann)
})

test("on a phone a text's header is all in reach, in company and offline", async (t) => {
  const ann = await write(t, site, "narrow", { ...phone, proxied: true, expect: noNetwork })
  const leave = await crowd(ann.visitor, "text-narrow", 9)
  t.after(leave)
  await reachable(ann.visitor)
  ann.visitor.proxy?.refuse(true)
  ann.visitor.proxy?.cut()
  await ann.type("later")
  await ann.saveState(/^Offline, \d+ to send$/)
  await reachable(ann.visitor)
})
