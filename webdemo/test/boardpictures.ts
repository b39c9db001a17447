// What package doc/board is held to: documents, and what Excalidraw makes of them.
//
//	npm run boardpictures
//
// writes doc/board/testdata anew: NAME.json is a document as JSON, NAME.webp Excalidraw's picture of it, and
// clean.excalidraw the file that the page exports.

import { once } from "node:events"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { deflateSync } from "node:zlib"
import { automergeWasmBase64 } from "@automerge/automerge/automerge.wasm.base64"
import * as A from "@automerge/automerge/slim"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { BinaryFiles } from "@excalidraw/excalidraw/types"
import type { Page } from "playwright-core"
import { build } from "vite"
import { launch } from "../../client/js/test/harness/browser.ts"
import { projectFolder } from "../../client/js/test/harness/place.ts"
import { elementOf, inFront, readPlain } from "../src/binding/element.ts"
import { readFile as imageOf } from "../src/binding/files.ts"
import {
  type Board,
  kindsOf,
  linkKey,
  linksOf,
  plainOf,
  startBoard,
  storedOf,
} from "../src/binding/schema.ts"
import { scenery } from "./harness/scenery.ts"
import type { Exporting } from "./pages/export.ts"

declare global {
  interface Window {
    exporting: Exporting
  }
}

const root = join(projectFolder, "webdemo")
const built = join(root, "build", "export")
const data = join(projectFolder, "doc", "board", "testdata")

await A.initializeBase64Wasm(automergeWasmBase64)

/** Builds the page and serves it, with Excalidraw's fonts. */
async function serve(): Promise<{ url: string; close(): void }> {
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    define: { __EXCALIDRAW_ASSETS__: JSON.stringify("/prod/") },
    build: {
      outDir: built,
      emptyOutDir: true,
      target: "es2024",
      rolldownOptions: { input: join(root, "test", "pages", "export.html") },
    },
  })
  const types: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css" }
  const server = createServer(async ({ url = "" }, response) => {
    const folder = url.startsWith("/prod/") ? join(root, "node_modules/@excalidraw/excalidraw/dist") : built
    try {
      const body = await readFile(join(folder, url))
      response.writeHead(200, { "content-type": types[url.split(".").pop() ?? ""] ?? "font/woff2" }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/test/pages/export.html`, close: () => server.close() }
}

/** A PNG of 40 × 40 pixels in which no two corners look the same. */
function png(): Uint8Array {
  const chunk = (type: string, body: Uint8Array) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(body.length)
    head.write(type, 4)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc(Buffer.concat([head.subarray(4), body])))
    return Buffer.concat([head, body, sum])
  }
  const rows: number[] = []
  for (let y = 0; y < 40; y++) {
    rows.push(0)
    for (let x = 0; x < 40; x++) rows.push(x * 6, y * 6, x > y ? 200 : 60, 255)
  }
  const header = Buffer.from([0, 0, 0, 40, 0, 0, 0, 40, 8, 6, 0, 0, 0])
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const body = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]
  return Buffer.concat([signature, ...body])
}

function crc(bytes: Uint8Array): number {
  let c = ~0
  for (const b of bytes) {
    c ^= b
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  }
  return ~c >>> 0
}

/** Returns a document with elements and an image. */
function documentOf(elements: readonly ExcalidrawElement[]): A.Doc<Board> {
  return A.change(A.init<Board>({ actor: "01".repeat(16) }), { time: 0 }, (d) => {
    startBoard(d)
    d.files.image = new A.ImmutableString(JSON.stringify({ type: "image/png", slices: 1 }))
    d.files["image/0"] = new Uint8Array(png())
    for (const element of elements) {
      const stored: Record<string, unknown> = {}
      for (const [name, value] of plainOf(element)) {
        const kind = kindsOf(element.type)?.[name] ?? "word"
        if (kind === "links")
          for (const [id, type] of linksOf(value)) stored[linkKey(id)] = storedOf("word", type)
        else stored[name] = storedOf(kind, value)
      }
      d.elements[element.id] = stored
    }
  })
}

/** Returns a document as JSON: registers and texts are strings, bytes are base64. */
function materialised(doc: A.Doc<Board>): string {
  const plain = (value: unknown): unknown => {
    if (A.isImmutableString(value)) return value.toString()
    if (value instanceof Uint8Array) return Buffer.from(value).toString("base64")
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]))
  }
  return `${JSON.stringify(plain(doc))}\n`
}

/** Returns the scene that a page shows of a document. */
function sceneOf(doc: A.Doc<Board>): { elements: ExcalidrawElement[]; files: BinaryFiles } {
  const elements = Object.entries(doc.elements).flatMap(([id, stored]) => {
    const plain = readPlain(stored)
    return plain ? [elementOf(id, plain, undefined)] : []
  })
  const image = imageOf(doc.files, "image")
  return { elements: elements.sort(inFront), files: image ? { image } : {} }
}

async function write(page: Page, name: string, elements: readonly ExcalidrawElement[]): Promise<void> {
  const doc = documentOf(elements)
  const scene = sceneOf(doc)
  const image = await page.evaluate(({ elements, files }) => window.exporting.picture(elements, files), scene)
  await writeFile(join(data, `${name}.json`), materialised(doc))
  await writeFile(join(data, `${name}.webp`), Buffer.from(image, "base64"))
  if (name !== "clean") return
  const json = await page.evaluate(({ elements, files }) => window.exporting.json(elements, files), scene)
  await writeFile(join(data, `${name}.excalidraw`), json)
}

await mkdir(data, { recursive: true })
const server = await serve()
const browser = await launch()
try {
  const page = await browser.newPage()
  page.on("pageerror", (error) => console.error(error))
  await page.goto(server.url)
  await page.waitForFunction(() => window.exporting)
  const images = ["image", "image", "missing"]
  await write(page, "clean", scenery({ seed: 1, count: 200, images, roughness: () => 0 }))
  await write(
    page,
    "rough",
    scenery({ seed: 2, count: 160, images, roughness: (r) => 1 + Math.floor(r() * 2) }),
  )
} finally {
  await browser.close()
  server.close()
}
