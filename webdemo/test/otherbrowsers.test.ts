import assert from "node:assert/strict"
import { after, before, type TestContext, test } from "node:test"
import { until } from "../../client/js/test/harness/deadline.ts"
import { startProxy } from "../../client/js/test/harness/proxy.ts"
import { visitBoard } from "./harness/desk.ts"
import { draw, elementsWhen } from "./harness/draw.ts"
import { startFirefox, startWebKit, type Tab } from "./harness/otherbrowsers.ts"
import { type Site, startSite } from "./harness/site.ts"
import { write } from "./harness/writer.ts"

// Somebody in Firefox or WebKit works together with somebody in Chromium: on a board, on a text, without a network, and
// over reloads with work that is not sent. Neither driver can compose with an input method.

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

for (const [browser, start] of [
  ["Firefox", startFirefox],
  ["WebKit", startWebKit],
] as const) {
  test(`${browser} draws and writes with Chromium, also without a network and over reloads`, async (t) => {
    const tab = await start()
    t.after(() => tab.close())
    const proxy = await startProxy(site.relay.port)
    t.after(() => proxy.close())
    const cut = (away: boolean) => {
      proxy.refuse(away)
      if (away) proxy.cut()
    }
    await board(t, tab, `${proxy.url}/board/${browser}`, cut)
    await text(t, tab, `${proxy.url}/text/${browser}`, cut)
  })
}

async function board(t: TestContext, tab: Tab, url: string, cut: (away: boolean) => void) {
  const other = await visitBoard(t, site, new URL(url).pathname.slice("/board/".length))
  await tab.open(url)
  await ready(tab)
  await rectangle(tab, [400, 300])
  await elementsWhen(other.page, 1)
  await draw(other.page, "o", [400, 450], [500, 550])
  await drawn(tab, 2)

  cut(true)
  await says(tab, /^Offline/)
  await rectangle(tab, [600, 300])
  await says(tab, /^Offline, \d+ to send$/)
  await tab.reload()
  await drawn(tab, 3)
  cut(false)
  await says(tab, /^Saved$/)
  const got = await elementsWhen(other.page, 3)
  const want = await tab.run(() => window.baton?.api.getSceneElements() ?? [])
  const place = ({ id, x, y, width, height }: (typeof want)[number]) => ({ id, x, y, width, height })
  assert.deepEqual(got.map(place), want.map(place))
}

async function text(t: TestContext, tab: Tab, url: string, cut: (away: boolean) => void) {
  const other = await write(t, site, new URL(url).pathname.slice("/text/".length))
  await tab.open(url)
  await says(tab, /^Saved$/)
  await focus(tab)
  await tab.type("Grüße 😀 ")
  await other.reads("Grüße 😀 ")
  await other.type("from Chromium ")
  await reads(tab, "Grüße 😀 from Chromium ")

  cut(true)
  await says(tab, /^Offline/)
  await focus(tab)
  await tab.type("𠮷")
  await says(tab, /^Offline, \d+ to send$/)
  await tab.reload()
  await reads(tab, "Grüße 😀 from Chromium 𠮷")
  cut(false)
  await says(tab, /^Saved$/)
  await other.reads("Grüße 😀 from Chromium 𠮷")
}

/** Waits until the board is at the relay, one can draw, and the browser keeps the site for when there is no network. */
async function ready(tab: Tab): Promise<void> {
  const isReady = async () => {
    const desk = window.baton
    if (desk?.session.board.document.status.state !== "live" || desk.api.getAppState().isLoading) return false
    return (await navigator.serviceWorker.ready).active?.state === "activated"
  }
  await until("one can draw", () => tab.run(isReady), { timeout: 30_000 })
}

async function rectangle(tab: Tab, [x, y]: [number, number]): Promise<void> {
  await tab.type("r")
  await tab.drag([x, y], [x + 100, y + 100])
}

async function drawn(tab: Tab, count: number): Promise<void> {
  await until(`${count} elements are on the board`, async () => {
    return (await tab.run(() => window.baton?.api.getSceneElements().length ?? 0)) === count
  })
}

/** Waits until the page says so of what is saved. */
async function says(tab: Tab, words: RegExp): Promise<void> {
  let last: string | undefined
  await until(`the page says ${words}`, async () => {
    last = await tab.run(
      () => document.querySelector('[data-testid="savestate"]')?.textContent ?? "no save state",
    )
    return words.test(last)
  }).catch((error) => {
    throw new Error(`${error.message}; it says ${last}`)
  })
}

/** Places the caret at the end of the text. */
async function focus(tab: Tab): Promise<void> {
  await tab.run(() => {
    const content = document.querySelector<HTMLElement>(".text-panes .cm-content")
    content?.focus()
    const selection = getSelection()
    selection?.selectAllChildren(content as HTMLElement)
    selection?.collapseToEnd()
  })
}

async function reads(tab: Tab, want: string): Promise<void> {
  let last: string | undefined
  await until(`the text is ${want}`, async () => {
    last = await tab.run(() => {
      const copy = document.querySelector(".text-panes .cm-content")?.cloneNode(true) as Element | undefined
      for (const caret of copy?.querySelectorAll(".cm-ySelectionCaret") ?? []) caret.remove()
      return [...(copy?.querySelectorAll(".cm-line") ?? [])].map((line) => line.textContent).join("\n")
    })
    return last === want
  }).catch((error) => {
    throw new Error(`${error.message}; it is ${last}`)
  })
}
