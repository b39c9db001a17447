import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { atDesk, inPage, visitBoard } from "./harness/desk.ts"
import { draw, elementsOf, elementsWhen, saved } from "./harness/draw.ts"
import { noNetwork, type Site, saveState, startSite, visit } from "./harness/site.ts"

let site: Site

before(async () => {
  site = await startSite({
    tokens: [
      {
        token: "writes",
        subject: "ann",
        name: "Ann of Baton",
        docs: { "board-*": ["read", "write", "presence", "compact"] },
      },
      { token: "reads", subject: "bob", docs: { "board-*": ["read", "presence"] } },
      { token: "elsewhere", subject: "eve", docs: { "text-*": ["read", "write"] } },
    ],
  })
})

after(() => site?.close())

/** What the browser logs where the relay refuses. */
const refused = [/status of 40[13]/, /HTTP Authentication failed/]

test("a board without a token says what to ask for, and takes what is pasted", async (t) => {
  const { page } = await visit(t, site, "/board/guarded", { expect: refused })
  await page.getByRole("heading", { name: "This board asks who you are" }).waitFor()
  await page.getByLabel("Paste the link or the token").fill(`${site.relay.url}/board/guarded#t=writes`)
  await page.getByRole("button", { name: "Go in" }).click()
  await page.waitForFunction(() => window.baton?.session.board.document.status.state === "live")
})

test("a token for other documents says so", async (t) => {
  const { page } = await visit(t, site, "/board/guarded#t=elsewhere", { expect: refused })
  await page.getByRole("heading", { name: "You have no access to this board" }).waitFor()
})

test("a link's token is kept for the tab, and taken out of the address", async (t) => {
  const visitor = await visitBoard(t, site, "kept#t=writes")
  const { page } = visitor
  assert.equal(page.url(), `${site.relay.url}/board/kept`)
  await page.reload()
  await atDesk(visitor)
  assert.equal(await inPage(visitor, (desk) => desk.session.board.document.status.state), "live")
})

test("a link with a token that is opened in the tab of the board is taken, however the board stands", async (t) => {
  const visitor = await visitBoard(t, site, "again#t=reads", {
    proxied: true,
    expect: [...noNetwork, ...refused],
  })
  const { page, url, proxy } = visitor
  const give = async (token: string) => {
    await page.goto(`${url}/board/again#t=${token}`) // the browser loads nothing
    await page.waitForURL(`${url}/board/again`)
  }
  await saveState(page, /^Read only$/)
  await give("writes")
  await saveState(page, /^Saved$/)
  await give("elsewhere")
  await page.getByRole("heading", { name: "You have no access to this board" }).waitFor()
  await give("writes&from=chat")
  await saveState(page, /^Saved$/)
  await draw(page, "r", [400, 300], [500, 400])
  await saved(page)

  proxy?.refuse(true)
  proxy?.cut()
  await saveState(page, /^Offline$/)
  await give("reads")
  assert.equal((await elementsOf(page)).length, 1, "what is here stays until the relay is back")
  proxy?.refuse(false)
  await saveState(page, /^Read only$/)

  await page.goto(`${url}/#t=writes`)
  await page.waitForURL(`${url}/`)
  await page.goto(`${url}/board/again`)
  await saveState(page, /^Saved$/)
  await page.goto(`${url}/board/again#t=`)
  await page.waitForURL(`${url}/board/again`)
  await page.goto(`${url}/board/again?split#t=reads`)
  await page.waitForURL(`${url}/board/again?split`)
})

test("who may only read sees everything, is told so, and changes nothing", async (t) => {
  const ann = await visitBoard(t, site, "readonly#t=writes")
  const bob = await visitBoard(t, site, "readonly#t=reads")
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(bob.page, 1)
  await bob.page.getByText("Read only.", { exact: false }).first().waitFor()
  assert.equal(await bob.page.getByTestId("savestate").textContent(), "Read only")
  await draw(bob.page, "o", [600, 300], [700, 400])
  await bob.page.keyboard.press("Control+a")
  await bob.page.keyboard.press("Delete")
  await draw(ann.page, "d", [400, 500], [500, 600])
  await elementsWhen(bob.page, 2)
  await saved(ann.page)
  assert.equal((await elementsOf(ann.page)).length, 2)
  // A name that a token vouches for goes before one that somebody took.
  await bob.page.getByRole("button", { name: "Follow Ann of Baton" }).waitFor()
})

test("who came by a token has the board without a network too, and is sent when that is back", async (t) => {
  const ann = await visitBoard(t, site, "away#t=writes", { proxied: true, expect: noNetwork })
  const eve = await visitBoard(t, site, "away#t=writes")
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(eve.page, 1)
  await saved(ann.page)
  await ann.page.evaluate(async () => void (await navigator.serviceWorker.ready))
  ann.proxy?.refuse(true)
  ann.proxy?.cut()
  await ann.page.reload()
  await elementsWhen(ann.page, 1)
  await draw(ann.page, "o", [600, 300], [700, 400])
  await saveState(ann.page, /^Offline, \d+ to send$/)
  ann.proxy?.refuse(false)
  await elementsWhen(eve.page, 2)
  await saveState(ann.page, /^Saved$/)
})
