import { once } from "node:events"
import { existsSync, readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { basename, extname, join } from "node:path"
import { build, type Plugin } from "esbuild"
import { insecureHost } from "./browser.ts"
import { packageFolder } from "./place.ts"

/** A server of pages on 127.0.0.1. */
export interface Fixtures {
  /** http://127.0.0.1:PORT, which browsers take for a secure context. */
  url: string
  /** The same pages under another name, which the browser of launch knows: an insecure context. */
  insecureUrl: string
  /** The flags by which a relay lets these pages in, for the args of startRelay. */
  relayArgs: string[]
  port: number
  close(): Promise<void>
}

/**
 * Bundles test/pages/NAME.ts (or .tsx) for each name and serves it as /NAME.js, and
 * as /NAME.html a page that loads it and is otherwise an empty <div id="root">.
 * Pages import this package by its name and get src/. Throws what does not build.
 */
export async function serveFixtures(names: string[]): Promise<Fixtures> {
  const files = await bundle(names)
  const server = createServer((request, response) => serve(files, request, response))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const insecureUrl = `http://${insecureHost}:${port}`
  return {
    url,
    insecureUrl,
    relayArgs: ["--allow-origin", url, "--allow-origin", insecureUrl],
    port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    },
  }
}

/** The scripts of pages by their path, such as /NAME.js. */
async function bundle(names: string[]): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: names.map((name) => sourceFile(join("test", "pages", name))),
    outdir: "pages",
    absWorkingDir: packageFolder,
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    sourcemap: "inline",
    logLevel: "silent",
    // By "browser" alone Automerge is an ES module of WASM, which esbuild does
    // not bundle; by "webpack" it brings the same code as base64.
    conditions: ["webpack", "module"],
    plugins: [ownName],
  })
  return new Map(outputFiles.map((file) => [`/${basename(file.path)}`, file.contents]))
}

/** Resolves this package's name, and its subpaths, to the sources of what it exports. */
const ownName: Plugin = {
  name: "own name",
  setup(build) {
    const { name, exports } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
    build.onResolve({ filter: new RegExp(`^${name}(/|$)`) }, ({ path }) => {
      const entry = exports[`.${path.slice(name.length)}`]
      if (!entry) return { errors: [{ text: `package.json exports no ${path}` }] }
      const built: string = entry.default
      return { path: sourceFile(built.replace("./dist/", "src/").replace(/\.js$/, "")) }
    })
  },
}

/** The TypeScript file of a path in the package without its ending. */
function sourceFile(path: string): string {
  const file = join(packageFolder, path)
  return existsSync(`${file}.tsx`) ? `${file}.tsx` : `${file}.ts`
}

function serve(files: Map<string, Uint8Array>, request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "/", "http://localhost")
  const name = basename(pathname, extname(pathname))
  const script = files.get(`/${name}.js`)
  response.setHeader("Cache-Control", "no-store")
  if (pathname === "/favicon.ico") {
    response.writeHead(204).end() // a 404 would be an error of the page
  } else if (script && pathname === `/${name}.js`) {
    response.setHeader("Content-Type", "text/javascript; charset=utf-8").end(script)
  } else if (script && pathname === `/${name}.html`) {
    response.setHeader("Content-Type", "text/html; charset=utf-8").end(html(name))
  } else {
    response.writeHead(404).end()
  }
}

function html(name: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<title>${name}</title>
<div id="root"></div>
<script type="module" src="/${name}.js"></script>
`
}
