import { fileURLToPath } from "node:url"
import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"
import { assetPath, excalidraw } from "./site/excalidraw.ts"
import { offline } from "./site/offline.ts"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const client = (entry: string) => here(`../client/js/src/${entry}.ts`)

export default defineConfig({
  root: here("."),
  publicDir: here("public"),
  plugins: [react(), excalidraw(), offline(here("public"))],
  define: { __EXCALIDRAW_ASSETS__: JSON.stringify(`/${assetPath}`) },
  resolve: {
    alias: [
      { find: /^@baton-relay\/client\/codemirror$/, replacement: client("codemirror") },
      { find: /^@baton-relay\/client$/, replacement: client("index") },
      { find: /^@baton-relay\/client\/(automerge|yjs)$/, replacement: here("../client/js/src/$1/index.ts") },
    ],
    // The client's sources lie outside, where they would find copies of their own.
    dedupe: [
      "@automerge/automerge",
      "@codemirror/state",
      "@codemirror/view",
      "lib0",
      "react",
      "react-dom",
      "y-codemirror.next",
      "y-protocols",
      "yjs",
    ],
  },
  build: {
    outDir: here("build/site"),
    emptyOutDir: true,
    target: "es2024",
    assetsInlineLimit: 0, // an inlined asset is a data: URL, which the page's policy does not allow everywhere
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        start: here("start.html"),
        board: here("board.html"),
        text: here("text.html"),
        split: here("split.html"),
        status: here("status.html"),
        sw: here("src/offline/worker.ts"),
      },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
})
