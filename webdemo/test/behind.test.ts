// Pages behind a real nginx.

import { after, before, test } from "node:test"
import { credentials, password, startNginx, upgrades } from "../../client/js/test/harness/nginx.ts"
import type { Token } from "../../client/js/test/harness/relay.ts"
import { type Site, saveState, startSite, visit } from "./harness/site.ts"

const tokens: Token[] = [
  { token: "ann's", subject: "ann", docs: { "*": ["read", "write", "presence", "compact", "admin"] } },
]

let site: Site

before(async () => {
  site = await startSite({ tokens })
})

after(() => site?.close())

/** The site as it is found at a port of nginx. */
const at = (port: number) => ({
  relay: { port, url: `http://127.0.0.1:${port}` },
  browser: site.browser,
})

test("behind a proxy with a password of its own, pages write, look back, and show the status", async (t) => {
  const port = await startNginx(t, site.relay.port, upgrades + password)
  const options = { httpCredentials: credentials, expect: [/status of 401/] } // the browser's first question
  const { page, url } = await visit(t, at(port), "/text/behind#t=ann's", options)
  await page.locator(".cm-content").click()
  await page.keyboard.type("word")
  await saveState(page, /^Saved$/)
  await page.getByRole("button", { name: "History" }).click()
  await page.getByRole("slider", { name: "Moment" }).waitFor()
  await page.goto(`${url}/status`)
  await page.locator("#state[data-state=ready]").waitFor()
})

test("behind a proxy that passes no upgrades, pages say what is wrong with it", async (t) => {
  const port = await startNginx(t, site.relay.port, "")
  const options = { expect: [/WebSocket connection to .* failed/, /status of 426/] }
  for (const path of ["/text/plain#t=ann's", "/board/plain#t=ann's"]) {
    const { page } = await visit(t, at(port), path, options)
    await page.getByRole("alert").filter({ hasText: "must pass upgrades" }).waitFor()
    await page.evaluate(async () => void (await navigator.serviceWorker.ready)) // else nginx ends before its script is here
  }
})
