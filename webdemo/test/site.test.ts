import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { type Site, startSite, visit } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

for (const path of ["/", "/board/one-two", "/text/one-two", "/board/one-two?split", "/status"]) {
  test(`${path} shows something, asks no other host and logs no error`, async (t) => {
    const { page } = await visit(t, site, path)
    await page.locator("#root > *").first().waitFor()
    assert.notEqual(await page.title(), "")
  })
}
