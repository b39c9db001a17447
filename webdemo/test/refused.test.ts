import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import type { Page } from "playwright-core"
import type { Token } from "../../client/js/test/harness/relay.ts"
import { complaints } from "./harness/axe.ts"
import type { Front } from "./harness/front.ts"
import { serveParts } from "./harness/parts.ts"
import { type Site, startSite, type Visit, visit } from "./harness/site.ts"

let site: Site
let parts: Front

const all: Token["docs"] = { "*": ["read", "write", "presence"] }
const tokens: Token[] = [
  { token: "good", subject: "ann", docs: all },
  { token: "with/odd chars=", subject: "odd", docs: all },
  { token: "old", subject: "bob", docs: all, expires: "2020-01-01T00:00:00Z" },
  { token: "elsewhere", subject: "eve", docs: { "text-*": ["read", "write", "presence"] } },
]

before(async () => {
  site = await startSite({ tokens })
  parts = await serveParts(site.relay.port)
})

after(async () => {
  await parts?.close()
  await site?.close()
})

/** What the browser says of a relay that lets one not in. */
const refusals = [/WebSocket connection to .* failed/, /status of 401/]

async function enter(t: Parameters<typeof visit>[0], path: string, options: Visit = {}) {
  const relay = { relay: parts, browser: site.browser }
  return await visit(t, relay, path, { expect: refusals, ...options })
}

async function give(page: Page, text: string): Promise<void> {
  await page.getByLabel("Paste the link or the token").fill(text)
  await page.getByRole("button", { name: "Go in" }).click()
}

const isIn = (page: Page) => page.getByTestId("state").getByText("live").waitFor()

test("who comes without a token is told what to ask for, and goes in by a token", async (t) => {
  const { page } = await enter(t, "/board/plans")
  await page
    .getByText("Ask whoever runs it, or who sent you here, for a link that has #t= at its end.")
    .waitFor()
  await give(page, " good ")
  await isIn(page)
  await page.reload()
  await isIn(page)
})

test("a link with a token leads to where it says", async (t) => {
  const { page, url } = await enter(t, "/board/plans")
  await give(page, `${url}/board/plans#t=with%2Fodd%20chars%3D`)
  await isIn(page)
  const other = await enter(t, "/board/plans")
  await give(other.page, `${url}/text/others#t=good`)
  await isIn(other.page)
  assert.equal(other.page.url(), `${url}/text/others`)
})

test("a link that is put into the address bar of the page is taken", async (t) => {
  const { page, url } = await enter(t, "/board/plans")
  await page.getByRole("heading", { name: "This board asks who you are" }).waitFor()
  await page.evaluate(() => {
    location.hash = "#t=good"
  })
  await isIn(page)
  assert.equal(page.url(), `${url}/board/plans`)
})

for (const token of ["wrong", "old", "%"]) {
  test(`the token ${token} is said to be wrong or expired, and a good one takes its place`, async (t) => {
    const { page } = await enter(t, `/text/plans#t=${token}`)
    await page.getByText("The token you came by is wrong, or it has expired.").waitFor()
    await give(page, "good")
    await isIn(page)
  })
}

test("who has no rights to the document is told its name", async (t) => {
  const { page } = await enter(t, "/board/plans#t=elsewhere")
  await page.getByRole("heading", { name: "You have no access to this board" }).waitFor()
  await page.getByText("for one with rights to board-plans.").waitFor()
})

test("rights that were taken away are said to be gone", async (t) => {
  const { page } = await enter(t, "/board/plans#t=good")
  await isIn(page)
  t.after(() => site.relay.setTokens(tokens))
  await site.relay.setTokens(tokens.map((token) => (token.token === "good" ? { ...token, docs: {} } : token)))
  await page.reload()
  await page.getByRole("heading", { name: "You have no access to this board" }).waitFor()
})

test("what is no link and no token changes nothing", async (t) => {
  const { page, url } = await enter(t, "/board/plans")
  for (const [text, said] of [
    ["", "That is no link and no token."],
    ["two words", "That is no link and no token."],
    [`${url}/board/plans`, "That link has no #t= at its end."],
  ] as const) {
    await give(page, text)
    await page.getByRole("alert").getByText(said).waitFor()
  }
  assert.equal(await page.evaluate(() => sessionStorage.length), 0)
})

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong with the refusal in ${colorScheme}`, async (t) => {
    const { page } = await enter(t, "/board/plans", { colorScheme })
    await give(page, "two words")
    await page.getByRole("alert").getByText("no token").waitFor()
    assert.deepEqual(await complaints(page), [])
  })
}
