import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { build } from "vite"
import { projectFolder } from "../../../client/js/test/harness/place.ts"
import { type Front, startFront } from "./front.ts"

const root = join(projectFolder, "webdemo")
const built = join(root, "build", "parts")

/**
 * Builds test/pages/parts.tsx and puts it in the place of boards and texts, before the relay at a port. All else, and
 * what the page may do, is as the relay says. The caller closes it.
 */
export async function serveParts(relay: number): Promise<Front> {
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    build: {
      outDir: built,
      emptyOutDir: true,
      assetsDir: "parts",
      target: "es2024",
      rolldownOptions: { input: join(root, "test", "pages", "parts.html") },
    },
  })
  return startFront(relay, async (path) => {
    if (path.startsWith("/parts/")) return readFile(join(built, path))
    if (/^\/(board|text)\/[^/]+$/.test(path) && !path.endsWith("?split"))
      return readFile(join(built, "test", "pages", "parts.html"))
    return undefined
  })
}
