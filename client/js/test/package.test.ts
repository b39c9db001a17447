import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { until } from "./harness/deadline.ts"
import { packageFolder } from "./harness/place.ts"
import { startRelay } from "./harness/relay.ts"

// What is published: dist, as npm run build has made it.

/** How large each part may be, minified and gzipped, without what it is for: bytes. */
const sizes = {
  'export { connect } from "./dist/index.js"': 11_900,
  'export * from "./dist/index.js"': 13_800,
  'export { openAutomerge } from "./dist/automerge/index.js"': 18_300,
  'export { BatonProvider } from "./dist/yjs/index.js"': 15_700,
  'export { useBaton } from "./dist/react.js"': 12_000,
}

for (const [contents, limit] of Object.entries(sizes)) {
  test(`${contents} has at most ${limit} bytes`, async (t) => {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: packageFolder },
      external: ["react", "yjs", "y-protocols/*", "@automerge/*"],
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
    })
    const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length
    t.diagnostic(`${bytes} bytes`)
    assert.ok(bytes > 1000 && bytes <= limit, `it has ${bytes} bytes`)
  })
}

test("the package holds what is built, and what one reads", (t) => {
  const run = (...args: string[]) => execFileSync("npm", args, { cwd: packageFolder, encoding: "utf8" })
  const [pack] = JSON.parse(run("pack", "--dry-run", "--json", "--ignore-scripts"))
  const paths: string[] = pack.files.map(({ path }: { path: string }) => path)
  t.diagnostic(`${paths.length} files, ${pack.size} bytes packed, ${pack.unpackedSize} unpacked`)
  const other = paths.filter((path) => !path.startsWith("dist/"))
  assert.deepEqual(other.sort(), ["LICENSE", "README.md", "package.json"])
  const { bin, exports } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
  for (const file of Object.values<string>(bin)) assert.ok(paths.includes(file), `${file} is not in it`)
  for (const entry of Object.values<Record<string, string>>(exports)) {
    for (const file of Object.values(entry)) assert.ok(paths.includes(file.slice(2)), `${file} is not in it`)
  }
})

const readme = readFileSync(join(packageFolder, "README.md"), "utf8")
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code ?? "")

/** What each example of the README says at its end, or what is asked of it then. */
const outcomes = [
  { says: "saved", more: "" },
  { says: "it is saved", more: 'await provider.document.saved.all(); console.log("it is saved")' },
  { says: "it is saved", more: 'await board.document.saved.all(); console.log("it is saved")' },
]

test("the README has the examples that are run here", () => {
  assert.equal(examples.length, outcomes.length)
})

for (const [n, { says, more }] of outcomes.entries()) {
  test(`example ${n + 1} of the README runs as it stands there`, async (t) => {
    const relay = await startRelay()
    t.after(() => relay.close())
    const file = join(packageFolder, "build", `readme-${n}.mjs`)
    const code = (examples[n] ?? "").replaceAll("http://localhost:8080", relay.url)
    writeFileSync(file, `${code}\n${more}\n`)
    t.after(() => rmSync(file))
    // node 20 has no WebSocket of its own, which browsers and later nodes have.
    writeFileSync(`${file}.ws.mjs`, 'import W from "ws"\nglobalThis.WebSocket ??= W\n')
    t.after(() => rmSync(`${file}.ws.mjs`))
    const child = spawn(process.execPath, ["--import", `${file}.ws.mjs`, file])
    t.after(() => child.kill("SIGKILL"))
    let said = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text
      })
    }
    await until(`it says ${says}`, () => said.includes(says)).catch((error) => {
      throw new Error(`${error.message}; it said: ${said}`)
    })
  })
}
