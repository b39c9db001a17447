import assert from "node:assert/strict"
import { test } from "node:test"
import { launch, newPage } from "./harness/browser.ts"
import { serveFixtures } from "./harness/fixtures.ts"
import { Peer } from "./harness/peer.ts"
import { startRelay } from "./harness/relay.ts"

test("a component shows a document, its status and who is there, in strict mode too", async (t) => {
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
  await page.waitForFunction("document.querySelector('b')?.textContent === 'live'")
  await page.waitForFunction("document.querySelector('li')?.textContent === 'before'")
  peer.append("after")
  await page.waitForFunction("document.querySelectorAll('li').length === 2")
  await page.waitForFunction("document.querySelector('u')?.textContent === '1'")
  assert.equal(await page.textContent("i"), "0")
  assert.deepEqual(errors, [])
})
