// The service worker's list: every file of the site, so that a page that was opened once opens again without network.

import { readdirSync } from "node:fs"
import type { Plugin } from "vite"

/** Puts the names of all files into sw.js, in the place of __FILES__. */
export function offline(publicDir: string): Plugin {
  return {
    name: "offline",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const worker = bundle["sw.js"]
        const files = [...Object.keys(bundle), ...readdirSync(publicDir)].filter((name) => name !== "sw.js")
        if (worker?.type !== "chunk" || !worker.code.includes("__FILES__") || worker.imports.length > 0) {
          this.error("sw.js is not one script with a place for the list of files")
        }
        worker.code = worker.code.replace("__FILES__", JSON.stringify(files.map((name) => `/${name}`).sort()))
      },
    },
  }
}
