// baton-prove as it is published: built, packed, installed, and found in PATH by baton-snapshot.

import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { test } from "node:test"
import * as A from "@automerge/automerge"
import { snapshotTool } from "./harness/binary.ts"
import { packageFolder, projectFolder } from "./harness/place.ts"

const built = join(packageFolder, "dist", "prove.js")
const cases = join(projectFolder, "cmd", "baton-snapshot", "testdata")
const widthless = join(cases, "zero-width-mark.automerge")
const plan = join(cases, "plan.automerge")
/** It has a number of 64 bits, which JavaScript cannot hold. */
const exemplar = join(packageFolder, "test", "testdata", "exemplar.automerge")

function run(program: string, args: string[], input?: Uint8Array) {
  const { stdout, stderr, status } = spawnSync(program, args, { ...(input && { input }), encoding: "utf8" })
  const lines = stdout.trim().split("\n")
  return { lines: lines.map((line) => (line.startsWith("{") ? JSON.parse(line) : line)), stderr, status }
}

test("baton-prove says of each file whether it loads", () => {
  const heads = A.getHeads(A.load(readFileSync(plan))).sort()
  const { lines, status } = run("node", [built, plan, widthless, exemplar, plan])
  assert.equal(status, 2)
  const [first, good, bad, wide, again] = lines
  assert.deepEqual(first, { with: "automerge 3.5.0" })
  assert.deepEqual(good, { heads })
  assert.match(bad.error, /^load it: .*invalid mark operation order/)
  assert.deepEqual(wide, { heads: ["3df6f946d47c57c7fa84fccc3f72c2301c94d6c7d3a79bb6267c315b3d2d364c"] })
  assert.deepEqual(again, { heads })
})

test("baton-prove reads its standard input, and is clear about what it cannot read", () => {
  assert.equal(run("node", [built], readFileSync(plan)).status, 0)
  assert.match(run("node", [built], new Uint8Array([1, 2, 3])).lines[1].error, /^load it: /)
  const missing = run("node", [built, "nowhere.automerge"])
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /^baton-prove: ENOENT.*nowhere\.automerge'\n"baton-prove --help" says/)
  assert.match(run("node", [built, "--help"]).lines.join("\n"), /Usage: baton-prove \[FILE \.\.\.\]/)
  assert.match(run("node", [built, "--all"]).stderr, /Unknown option '--all'/)
})

test("installed from its package, it is in PATH, and baton-snapshot prunes by its word", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "baton-prove-"))
  t.after(() => rmSync(dir, { recursive: true }))
  const npm = (...args: string[]) => execFileSync("npm", args, { cwd: packageFolder, encoding: "utf8" })
  const [{ filename }] = JSON.parse(npm("pack", "--json", "--ignore-scripts", "--pack-destination", dir))
  const automerge = join(packageFolder, "node_modules", "@automerge", "automerge")
  const flags = ["--prefix", dir, "--offline", "--install-links", "--no-audit", "--no-fund"]
  npm("install", "--global", ...flags, join(dir, filename), automerge)
  const bin = join(dir, "bin")
  const { lines, status } = run(join(bin, "baton-prove"), [plan, widthless])
  assert.equal(status, 2)
  assert.deepEqual(lines[0], { with: "automerge 3.5.0" })

  const before = process.env.PATH
  process.env.PATH = `${bin}${delimiter}${before}`
  t.after(() => {
    process.env.PATH = before
  })
  const log = join(dir, "oplog.db")
  for (const file of [plan, widthless]) await snapshotTool("import", file, "--log", log)
  await assert.rejects(
    snapshotTool("compact", "zero-width-mark", "--prune-before", "--log", log),
    ({ code, stderr }: { code: number; stderr: string }) =>
      code === 2 && /clients of today cannot open the snapshot: automerge 3\.5\.0/.test(stderr),
  )
  assert.match(await snapshotTool("compact", "plan", "--prune-before", "--log", log), /6 ops pruned/)
})

test("without Automerge beside it, it says what to install", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "baton-prove-"))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, "prove.mjs"), readFileSync(built))
  const { stderr, status } = run("node", [join(dir, "prove.mjs"), plan])
  assert.equal(status, 1)
  assert.match(
    stderr,
    /^baton-prove: Automerge is not installed beside this program: npm i -g @automerge\/automerge/,
  )
})
