#!/usr/bin/env node
// Proves that snapshots load in the Automerge of today, which clients have. baton-snapshot runs it before it
// prunes: its own Automerge is one of 2023, and takes what later ones refuse.

import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { parseArgs } from "node:util"
import type * as Automerge from "@automerge/automerge"

const help = `Usage: baton-prove [FILE ...]

Loads each FILE, or what comes on standard input, as clients of Baton load a snapshot: by the
Automerge that is installed beside this program. Prints a line of JSON first that says which that
is, then one for each snapshot:

  {"with":"automerge 3.5.0"}
  {"heads":["5a6f…"]}                 it loads, and has these heads
  {"error":"load it: …"}              it does not, and why

Exit codes: 0 all of them load, 2 one does not, 1 nothing could be tried.

Install:  npm i -g @baton-relay/client @automerge/automerge
By hand:  curl -s http://localhost:8080/v1/docs/board-plan/snapshots/latest | baton-prove
It is for documents of the format automerge. baton-snapshot compact and verify find it in PATH.
`

/** What comes of a snapshot. */
type Proof = { heads: string[] } | { error: string }

/** Does with a snapshot what clients do with one. */
function prove(A: typeof Automerge, blob: Uint8Array): Proof {
  let step = "load it"
  try {
    const doc = A.load(blob)
    const heads = A.getHeads(doc).sort()
    step = "read its last changes"
    for (const head of heads) A.getBackend(doc).getChangeMetaByHash(head)
    step = "read its content"
    A.toJS(doc)
    step = "show its content"
    A.diff(doc, [], heads)
    step = "save it and load it again"
    const again = A.getHeads(A.load(A.save(doc))).sort()
    if (again.join() !== heads.join()) return { error: `${step}: the heads are ${again}, not ${heads}` }
    return { heads }
  } catch (error) {
    return { error: `${step}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** Returns the Automerge that is installed, and its version. */
async function installed(): Promise<{ A: typeof Automerge; version: string }> {
  const name = "@automerge/automerge"
  const entry = createRequire(import.meta.url).resolve(name)
  for (let dir = dirname(entry); dir !== dirname(dir); dir = dirname(dir)) {
    const about = read(join(dir, "package.json"))
    if (about?.name === name) return { A: await import(name), version: about.version }
  }
  throw new Error(`${entry} lies in no package`)
}

function read(path: string): { name?: string; version: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return undefined // a folder of it
  }
}

function say(line: object): void {
  console.log(JSON.stringify(line))
}

async function main(): Promise<number> {
  const options = { help: { type: "boolean", short: "h" } } as const
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const { A, version } = await installed().catch((error) => {
    throw new Error(
      `Automerge is not installed beside this program: npm i -g @automerge/automerge (${error.message})`,
    )
  })
  say({ with: `automerge ${version}` })
  let code = 0
  for (const file of positionals.length > 0 ? positionals : [0]) {
    const proof = prove(A, readFileSync(file))
    if ("error" in proof) code = 2
    say(proof)
  }
  return code
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(`baton-prove: ${error.message}\n"baton-prove --help" says what there is.`)
    process.exitCode = 1
  },
)
