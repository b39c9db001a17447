// The Excalidraw of the site in a test without a browser: the library itself, and as much of a browser as it asks for when
// it is loaded. Each letter is half as wide as its font is large.

import { existsSync } from "node:fs"
import { mkdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "vite"
import { projectFolder } from "../../../client/js/test/harness/place.ts"
import type { Editor } from "../../src/binding/agreement.ts"

interface Library {
  editorOf(api: object): Editor
  generateKeyBetween(before: string | null | undefined, after: string | null | undefined): string
  setCustomTextMetricsProvider(provider: { getLineWidth(text: string, font: string): number }): void
}

const root = join(projectFolder, "webdemo")
const built = join(root, "build", "test", "library")

/** Builds it, unless a test before has. Several may do so at once. */
async function bundle(): Promise<string> {
  const file = join(built, "library.mjs")
  if (existsSync(file)) return file
  const ours = `${built}.${process.pid}`
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": JSON.stringify("production") },
    plugins: [
      {
        name: "left out",
        enforce: "pre",
        // What has nothing to do with elements, and takes most of the time.
        resolveId: (id) =>
          /mermaid-to-excalidraw|subset-\w+\.chunk|\/locales\/(?!en)|\.css$/.test(id) ? "\0none" : null,
        load: (id) =>
          id === "\0none"
            ? "export default {}; export const parseMermaidToExcalidraw = 0, Commands = 0, toBase64 = 0, subsetToBase64 = 0, subsetToBinary = 0, WorkerUrl = 0"
            : null,
      },
    ],
    build: {
      outDir: ours,
      minify: false,
      target: "es2024",
      lib: {
        entry: join(root, "test", "pages", "library.ts"),
        formats: ["es"],
        fileName: () => "library.mjs",
      },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  await mkdir(join(built, ".."), { recursive: true })
  await rename(ours, built).catch(() => rm(ours, { recursive: true })) // another was faster
  return file
}

const element = () => ({ style: {}, getContext: () => ({}), setAttribute() {}, appendChild() {} })

Object.assign(globalThis, {
  window: globalThis,
  document: { createElement: element, documentElement: element(), addEventListener() {}, fonts: {} },
  location: new URL("http://board.test/"),
  devicePixelRatio: 1,
  Path2D: class {},
  Element: class {
    replaceChildren() {}
  },
})
Object.defineProperty(globalThis, "navigator", { value: { userAgent: "", platform: "" }, configurable: true })

export const excalidraw: Library = await import(pathToFileURL(await bundle()).href)

excalidraw.setCustomTextMetricsProvider({
  getLineWidth: (text, font) => ([...text].length * Number.parseFloat(font)) / 2,
})
