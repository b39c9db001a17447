import assert from "node:assert/strict"
import { test } from "node:test"
import { launch, newPage } from "./harness/browser.ts"
import { serveFixtures } from "./harness/fixtures.ts"
import { Peer } from "./harness/peer.ts"
import { startRelay } from "./harness/relay.ts"

test("two components show a document, its status and who is there, in strict mode too", async (t) => {
  const fixtures = await serveFixtures(["react"])
  t.after(() => fixtures.close())
  const relay = await startRelay({ args: fixtures.relayArgs })
  t.after(() => relay.close())
  const browser = await launch()
  t.after(() => browser.close())
  const peer = new Peer(relay.url, "react")
  t.after(() => peer.connection.close())
  peer.append("before")
  await peer.doc.saved.all()

  const url = `${fixtures.url}/react.html?relay=${relay.url}&name=react&doc=react`
  const { page, errors } = await newPage(await browser.newContext(), url)
  const shown = (selector: string, want: string) =>
    page.waitForFunction(
      `[...document.querySelectorAll("${selector}")].map((e) => e.textContent).join() === "${want}"`,
    )
  await shown("b", "live,live")
  await shown("li:first-child", "before,before")
  peer.append("after")
  await shown("li:nth-child(2)", "after,after")
  await page.waitForFunction("document.querySelector('u')?.textContent === '1'")
  assert.equal(await page.textContent("i"), "0")
  assert.deepEqual(errors, [])
})
