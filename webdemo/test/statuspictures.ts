// Pictures of the status page with people at work, in both themes and on a phone:
//
//	npm run statuspictures -- [SECONDS]
//
// They are taken after so long, 600 s if that is not said, and go to build/pictures.

import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import WebSocket from "ws"
import { launch } from "../../client/js/test/harness/browser.ts"
import { projectFolder } from "../../client/js/test/harness/place.ts"
import { startRelay } from "../../client/js/test/harness/relay.ts"

const folder = join(projectFolder, "webdemo", "build", "pictures")
const seconds = Number(process.argv[2] ?? 600)

/** Documents, how many are in each, and how many ops a second they write together when they are busy. */
const documents: [string, string, number, number][] = [
  ["board-roadmap", "automerge", 14, 22],
  ["board-kitchen-plans", "automerge", 5, 6],
  ["text-minutes", "yjs", 8, 9],
  ["text-field-notes", "yjs", 2, 0.5],
  ["board-retrospective", "automerge", 3, 0],
  ["sensors", "json", 1, 3],
]

async function enter(url: string, doc: string, format: string, members: number, rate: number): Promise<void> {
  for (let i = 0; i < members; i++) {
    if (i > 0) await sleep((seconds * 500 * Math.random()) / members)
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws`, "baton.v1")
    await new Promise((resolve) => socket.once("open", resolve))
    socket.send(JSON.stringify({ type: "join", doc, format }))
    if (i > 0 || rate === 0) {
      socket.on("message", () => {})
      continue
    }
    let seq = 0
    const write = () => {
      const size = 60 + Math.round(Math.random() ** 3 * 900)
      // Now and then the sensors lose something: a gap, which the relay refuses.
      const gap = doc === "sensors" && Math.random() < 0.01
      const op = { actor: `actor-${doc}`, seq: gap ? seq + 5 : ++seq, clock: {}, payload: "x".repeat(size) }
      socket.send(JSON.stringify({ type: "ops", doc, ops: [op] }))
      // People write in bursts, and pause between.
      const busy = 0.25 + 0.75 * Math.max(0, Math.sin(Date.now() / 40_000 + doc.length))
      setTimeout(write, (-Math.log(Math.random()) * 1000) / (rate * busy))
    }
    write()
  }
}

const relay = await startRelay()
const browser = await launch()
try {
  await mkdir(folder, { recursive: true })
  for (const [doc, format, members, rate] of documents) {
    void enter(relay.url, doc, format, members, rate)
  }
  const looks = {
    light: { viewport: { width: 1280, height: 860 }, colorScheme: "light" },
    dark: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" },
    phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  } as const
  const pages = await Promise.all(
    Object.entries(looks).map(async ([name, look]) => {
      const page = await (await browser.newContext(look)).newPage()
      await page.goto(`${relay.url}/status`)
      return [name, page] as const
    }),
  )
  await sleep(seconds * 1000)
  for (const [name, page] of pages) {
    await page.screenshot({ path: join(folder, `status-${name}.png`), fullPage: true })
    console.log(`build/pictures/status-${name}.png`)
  }
} finally {
  await browser.close()
  await relay.kill()
}
process.exit(0)
