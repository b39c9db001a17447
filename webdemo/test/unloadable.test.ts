// Stored states that do not load, where the ops that they stand for are gone.

import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen, saved } from "./harness/draw.ts"
import { type Site, saveState, startSite, visit } from "./harness/site.ts"

let site: Site

/** What a browser says where no older state is there. */
const expect = [/status of 404/]

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Stores what is no state at the end of a document, and has the relay let go of all ops before. */
async function spoil(doc: string, format: string): Promise<void> {
  const url = `${site.relay.url}/v1/docs/${doc}`
  const { head } = await (await fetch(url)).json()
  const headers = { "Content-Type": "application/octet-stream", "Baton-Format": format }
  const put = await fetch(`${url}/snapshots/${head}`, { method: "PUT", headers, body: "no state at all" })
  assert.equal(put.status, 201)
  assert.equal((await fetch(`${url}/prune?before=${head + 1}`, { method: "POST" })).status, 200)
}

test("a text whose stored state does not load is not shown as empty, and who has some of it keeps that", async (t) => {
  const ann = await visit(t, site, "/text/spoilt")
  const bob = await visit(t, site, "/text/spoilt", { expect })
  const write = async ({ page }: typeof ann, text: string) => {
    await page.locator(".cm-content").click()
    await page.keyboard.press("ControlOrMeta+End")
    await page.keyboard.type(text)
  }
  await write(ann, "one")
  await saveState(ann.page, /^Saved$/)
  await bob.page.getByText("one").first().waitFor()
  await write(bob, " two")
  await saveState(bob.page, /^Saved$/)
  await bob.page.goto("about:blank")
  await write(ann, " three")
  await saveState(ann.page, /^Saved$/)
  await spoil("text-spoilt", "yjs")

  const { page: late } = await visit(t, site, "/text/spoilt", { expect })
  await late.getByRole("heading", { name: "This text cannot be opened" }).waitFor()
  await late.getByRole("button", { name: "Try again" }).waitFor()
  assert.equal(await late.getByLabel("Paste the link or the token").count(), 0)

  await bob.page.goto(`${bob.url}/text/spoilt`)
  const notice = bob.page.getByRole("alert").filter({ hasText: "cannot open what the relay has stored" })
  await notice.waitFor()
  await saveState(bob.page, /^Not saved/)
  await write(bob, " more")
  await bob.page.locator(".cm-content").getByText("one two more").waitFor()

  await ann.page.getByRole("button", { name: "History" }).click()
  await ann.page.getByText("What was there before cannot be shown").waitFor()
})

test("a board whose stored state does not load is not shown as empty", async (t) => {
  const ann = await visitBoard(t, site, "spoilt")
  await draw(ann.page, "r", [400, 300], [500, 400])
  await elementsWhen(ann.page, 1)
  await saved(ann.page)
  await spoil("board-spoilt", "automerge")
  const { page } = await visit(t, site, "/board/spoilt", { expect })
  await page.getByRole("heading", { name: "This board cannot be opened" }).waitFor()
  assert.equal(await page.getByLabel("Paste the link or the token").count(), 0)
  await ann.page.getByRole("button", { name: "History" }).click()
  await ann.page.getByText("What was there before cannot be shown").waitFor()
})

test("a copy in the browser that does not load costs nothing: the relay has it all", async (t) => {
  const { page } = await visit(t, site, "/text/copied")
  await page.locator(".cm-content").click()
  await page.keyboard.type("one of many")
  await saveState(page, /^Saved$/)
  /** Puts what is no state into each copy; or counts those that have it. */
  const states = (spoil: boolean) =>
    page.evaluate(async (spoil) => {
      const done = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result)
          request.onerror = () => reject(request.error)
        })
      const database = await done(indexedDB.open("baton"))
      const copies = database.transaction("copies", "readwrite").objectStore("copies")
      const keys = (await done(copies.getAllKeys())) as string[][]
      const names = keys.filter((key) => key.length === 2).map((key) => [...key, "state"])
      const bad = new Uint8Array([1, 2, 3])
      if (spoil) await Promise.all(names.map((key) => done(copies.put(bad, key))))
      const held = await Promise.all(names.map((key) => done(copies.get(key))))
      database.close()
      return held.filter((state) => state?.length === bad.length).length
    }, spoil)
  assert.equal(await states(true), 1)
  for (const more of [" words", " again"]) {
    await page.reload()
    await page.locator(".cm-content").getByText("one of many").waitFor()
    await saveState(page, /^Saved$/)
    await page.locator(".cm-content").click()
    await page.keyboard.press("ControlOrMeta+End")
    await page.keyboard.type(more)
    await saveState(page, /^Saved$/)
  }
  await page.locator(".cm-content").getByText("one of many words again").waitFor()
  assert.equal(await states(false), 0)
})
