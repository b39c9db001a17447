import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { atDesk, visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen, same, saved } from "./harness/draw.ts"
import { noNetwork, saveState, startSite } from "./harness/site.ts"

async function alone(t: TestContext) {
  const site = await startSite({ args: ["--heartbeat", "2s"] })
  t.after(() => site.close())
  return site
}

test("what is drawn without a network survives a reload, and is sent when the network is back", async (t) => {
  const site = await alone(t)
  const ann = await visitBoard(t, site, "cut", { proxied: true, expect: noNetwork })
  const bob = await visitBoard(t, site, "cut")
  await ann.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  await ann.page.reload()
  await atDesk(ann)
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(bob.page, 1)
  await saveState(ann.page, /^Saved$/)
  ann.proxy?.refuse(true)
  ann.proxy?.cut()
  await saveState(ann.page, /^Offline/)
  await draw(ann.page, "o", [600, 300], [700, 400])
  await draw(ann.page, "p", [750, 300], [850, 400])
  await saveState(ann.page, /^Offline, \d+ to send$/)
  await ann.page.reload()
  await elementsWhen(ann.page, 3)
  await draw(ann.page, "d", [400, 450], [500, 550])
  await draw(bob.page, "a", [600, 450], [700, 550])
  ann.proxy?.refuse(false)
  await elementsWhen(bob.page, 5)
  await elementsWhen(ann.page, 5)
  await saveState(ann.page, /^Saved$/)
  await same(ann.page, bob.page)
})

test("a relay that is killed and comes back has what both drew meanwhile", async (t) => {
  const site = await alone(t)
  const ann = await visitBoard(t, site, "killed", { expect: noNetwork })
  const bob = await visitBoard(t, site, "killed", { expect: noNetwork })
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(bob.page, 1)
  await site.relay.kill()
  await saveState(ann.page, /^Offline/)
  await draw(ann.page, "o", [600, 300], [700, 400])
  await draw(bob.page, "d", [400, 450], [500, 550])
  await site.relay.start()
  for (const { page } of [ann, bob]) await elementsWhen(page, 3)
  for (const visitor of [ann, bob]) await saveState(visitor.page, /^Saved$/)
  await same(ann.page, bob.page)
})

test("two whose network goes dead without a word notice it, go on, and come together again", async (t) => {
  const site = await alone(t)
  const ann = await visitBoard(t, site, "dead", { proxied: true, expect: noNetwork })
  const bob = await visitBoard(t, site, "dead", { proxied: true, expect: noNetwork })
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(bob.page, 1)
  for (const { proxy } of [ann, bob]) proxy?.hold()
  await draw(ann.page, "o", [600, 300], [700, 400])
  for (const visitor of [ann, bob]) await saveState(visitor.page, /^(Offline|Connecting)/)
  await draw(bob.page, "d", [400, 450], [500, 550])
  for (const { proxy } of [ann, bob]) proxy?.release()
  for (const { page } of [ann, bob]) await elementsWhen(page, 3)
  for (const { page } of [ann, bob]) await saved(page)
  await same(ann.page, bob.page)
  assert.equal(await ann.page.getByTestId("savestate").textContent(), "Saved")
})
