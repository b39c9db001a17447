// What the site costs and how quick it is, measured in Debian's Chromium against a relay on this machine:
//
//	npm run figures
//
// It prints a table. On a machine that does other work the times are pessimistic; what counts is how they compare.

import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import type { Browser, Page } from "playwright-core"
import { WebSocket } from "ws"
import { connect } from "../../client/js/src/index.ts"
import { launch } from "../../client/js/test/harness/browser.ts"
import { until } from "../../client/js/test/harness/deadline.ts"
import { projectFolder } from "../../client/js/test/harness/place.ts"
import { type Relay, startRelay } from "../../client/js/test/harness/relay.ts"
import "./harness/desk.ts"
import { fill, handleOf, same, saved } from "./harness/draw.ts"

declare global {
  interface Window {
    times: [at: number, x: number][]
    paints: number[]
  }
}

function print(what: string, value: string): void {
  console.log(`${what.padEnd(58)} ${value}`)
}

function quantile(values: number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

const spread = (values: number[]) =>
  `median ${Math.round(quantile(values, 0.5))}, p95 ${Math.round(quantile(values, 0.95))} (${values.length})`

function sizes(): void {
  const folder = join(projectFolder, "webdemo", "dist")
  let [raw, packed] = [0, 0]
  const kinds = new Map<string, number>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const { name, parentPath } = entry
    const bytes = readFileSync(join(parentPath, name))
    const plain = name.endsWith(".gz") ? gunzipSync(bytes).length : bytes.length
    raw += plain
    packed += bytes.length
    const kind = name.replace(/\.gz$/, "").split(".").at(-1) ?? ""
    kinds.set(kind, (kinds.get(kind) ?? 0) + bytes.length)
  }
  print("site, bytes raw / packed", `${raw} / ${packed}`)
  print("packed by kind", [...kinds].map(([kind, size]) => `${kind} ${size}`).join(", "))
}

/** Opens a page in a profile of its own, and returns it with the bytes and ops that it sends from then on. */
async function open(
  browser: Browser,
  url: string,
): Promise<{ page: Page; sent: { bytes: number; ops: number } }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  const sent = { bytes: 0, ops: 0 }
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      sent.bytes += payload.length
      const frame = JSON.parse(String(payload))
      if (frame.type === "ops") sent.ops += frame.ops.length
    }),
  )
  await page.goto(url)
  return { page, sent }
}

async function paint(browser: Browser, relay: Relay, path: string, usable: string): Promise<void> {
  const [painted, used, kilobytes]: number[][] = [[], [], []]
  for (let i = 0; i < 5; i++) {
    const { page } = await open(browser, "about:blank")
    await page.addInitScript((selector) => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector(selector)) return
        observer.disconnect()
        performance.mark("usable")
      }).observe(document, { subtree: true, childList: true, attributes: true })
    }, usable)
    await page.goto(relay.url + path)
    await page.waitForFunction(() => performance.getEntriesByName("usable").length > 0)
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0)
    const [fcp, ready, bytes] = await page.evaluate(() => [
      performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      performance.getEntriesByName("usable")[0]?.startTime ?? 0,
      performance
        .getEntriesByType("resource")
        .reduce((sum, r) => sum + (r as PerformanceResourceTiming).encodedBodySize, 0),
    ])
    painted?.push(fcp ?? 0)
    used?.push(ready ?? 0)
    kilobytes?.push((bytes ?? 0) / 1000)
    await page.context().close()
  }
  print(`${path} cold: first paint, ms`, spread(painted ?? []))
  print(`${path} cold: usable, ms`, spread(used ?? []))
  print(`${path} cold: kB fetched until then`, spread(kilobytes ?? []))
}

/** Notes when an element is where, and how long frames take. */
async function watch(page: Page, id: string): Promise<void> {
  await page.evaluate((id) => {
    window.times = []
    window.paints = []
    let [before, x] = [performance.now(), Number.NaN]
    const look = () => {
      const now = window.baton?.api.getSceneElements().find((element) => element.id === id)?.x
      if (now !== undefined && now !== x) window.times.push([performance.timeOrigin + performance.now(), now])
      x = now ?? x
    }
    const frame = () => {
      window.paints.push(performance.now() - before)
      before = performance.now()
      requestAnimationFrame(frame)
    }
    setInterval(look, 4)
    requestAnimationFrame(frame)
  }, id)
}

/** One person drags, another one sees it. */
async function drag(browser: Browser, relay: Relay, count: number, all: boolean): Promise<void> {
  const what = `${all ? `all of ${count}` : `one of ${count}`} dragged`
  const url = `${relay.url}/board/figures-${count}-${all}`
  const { page: a, sent } = await open(browser, url)
  const { page: b } = await open(browser, url)
  for (const page of [a, b]) await page.waitForFunction(() => window.baton)
  await fill(a, count)
  await b.waitForFunction((count) => window.baton?.api.getSceneElements().length === count, count)
  const id = `e${Math.min(5, count - 1)}`
  const place = await handleOf(a, id)
  await a.keyboard.press("v")
  if (all) await a.keyboard.press("Control+a")
  await a.mouse.move(...place)
  await a.mouse.down()
  for (const page of [a, b]) await watch(page, id)
  const before = { ...sent }
  const began = performance.now()
  for (let i = 1; i <= 120; i++) await a.mouse.move(place[0] + i * 2, place[1] + i)
  const seconds = (performance.now() - began) / 1000
  const [bytes, ops] = [sent.bytes - before.bytes, sent.ops - before.ops]
  const frames = await a.evaluate(() => window.paints.slice(2))
  await a.mouse.up()
  const dropped = performance.now()
  await saved(a)
  const settled = performance.now() - dropped
  await same(a, b)
  const [mine, theirs] = await Promise.all([a, b].map((page) => page.evaluate(() => window.times)))
  const latency = (theirs ?? []).flatMap(([at, x]) => {
    const from = mine?.find(([, other]) => Math.abs(other - x) < 0.01)
    return from ? [at - from[0]] : []
  })
  print(`${what}: A to B, ms`, spread(latency))
  print(`${what}: frames of A, ms`, `${spread(frames)}, ${Math.round(frames.length / seconds)} fps`)
  print(
    `${what}: sent by A while dragging`,
    `${Math.round(bytes / seconds)} B/s, ${(ops / seconds).toFixed(1)} ops/s`,
  )
  print(`${what}: dropped to saved, ms`, String(Math.round(settled)))
  for (const page of [a, b]) await page.context().close()
}

/** How long it takes to come to a board with much on it. */
async function late(browser: Browser, relay: Relay): Promise<void> {
  const url = `${relay.url}/board/figures-2000-true`
  for (const how of ["by ops", "by snapshot"]) {
    if (how === "by snapshot") {
      const { page } = await open(browser, url)
      await page.waitForFunction(() => window.baton?.session.board.document.status.state === "live")
      await until("a snapshot is stored", () => page.evaluate(() => window.baton?.session.board.compact()))
      await page.context().close()
    }
    const times: number[] = []
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      const { page } = await open(browser, url)
      await page.waitForFunction(() => window.baton?.api.getSceneElements().length === 2000)
      times.push(performance.now() - began)
      await page.context().close()
    }
    print(`joining 2000 elements ${how}: all on the screen, ms`, spread(times))
  }
}

/** Frames of a page on which so many people move their cursors. */
async function crowd(browser: Browser, relay: Relay, people: number): Promise<void> {
  const { page } = await open(browser, `${relay.url}/board/figures-2000-true`)
  await page.waitForFunction(() => window.baton?.api.getSceneElements().length === 2000)
  const connections = Array.from({ length: people }, () => connect(relay.url, { WebSocket, shared: false }))
  const docs = connections.map((connection) =>
    connection.join("board-figures-2000-true", { channels: ["presence"] }),
  )
  let step = 0
  const timer = setInterval(() => {
    step++
    for (const [i, doc] of docs.entries()) {
      const angle = step / 20 + i
      const pointer = [400 + 300 * Math.cos(angle), 300 + 200 * Math.sin(angle)]
      doc.presence.set({ me: { name: `Person ${i}`, colour: "#1971c2" }, pointer, view: [0, 0, 1280, 700] })
    }
  }, 33)
  await until("all cursors are there", async () => (await page.locator(".cursor").count()) === people)
  await watch(page, "e1")
  await page.waitForTimeout(5000)
  const frames = await page.evaluate(() => window.paints.slice(2))
  print(
    `${people} people moving, 2000 elements: frames, ms`,
    `${spread(frames)}, ${Math.round(frames.length / 5)} fps`,
  )
  clearInterval(timer)
  for (const connection of connections) connection.close()
  await page.context().close()
}

const relay = await startRelay()
const browser = await launch()
try {
  sizes()
  await paint(browser, relay, "/", "a[href^='/board'], button")
  await paint(browser, relay, "/board/figures", "canvas.interactive")
  await paint(browser, relay, "/text/figures", ".cm-content[contenteditable=true]")
  await drag(browser, relay, 10, false)
  await drag(browser, relay, 2000, false)
  await drag(browser, relay, 2000, true)
  await late(browser, relay)
  await crowd(browser, relay, 20)
} finally {
  await browser.close()
  await relay.close()
}
