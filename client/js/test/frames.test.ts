import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { test } from "node:test"
import { Ajv2020 } from "ajv/dist/2020.js"
import { generate } from "../scripts/frames.ts"

/** The frames that the relay's encoders and decoder are tested with, by their type here. */
const golden = {
  ClientFrame: readLines("../../relay/wire/testdata/client.jsonl"),
  ServerFrame: readLines("../../relay/wire/testdata/server.jsonl"),
}

function readLines(file: string): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n")
}

/** The declarations of constants that are these frames, one a line. */
function declarations(type: keyof typeof golden, frames: string[]): string[] {
  return frames.map((frame, i) => `export const ${type}${i}: ${type} = ${frame}`)
}

/** Returns the lines that the compiler finds wrong, with what it says of each; their count starts at 0. */
function compileErrors(lines: string[]): Map<number, string> {
  mkdirSync("build", { recursive: true })
  const folder = mkdtempSync("build/golden-")
  try {
    const options = { noEmit: true, rootDir: "../.." }
    const config = { extends: "../../tsconfig.json", compilerOptions: options, include: ["golden.ts"] }
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config))
    const imports = 'import type { ClientFrame, ServerFrame } from "../../src/frames.ts"'
    writeFileSync(`${folder}/golden.ts`, [imports, ...lines].join("\n"))
    const run = spawnSync("node_modules/.bin/tsc", ["--pretty", "false", "-p", folder], { encoding: "utf8" })
    const errors = [...run.stdout.matchAll(/golden\.ts\((\d+),\d+\): (error .*)/g)]
    assert.equal(
      run.status === 0,
      errors.length === 0,
      `tsc: status ${run.status}\n${run.stdout}${run.stderr}`,
    )
    return new Map(errors.map(([, line, message]) => [Number(line) - 2, message ?? ""]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test("src/frames.ts is what the schema makes of it", () => {
  const got = readFileSync("src/frames.ts", "utf8")
  assert.equal(got, generate(), "run: npx tsc -p tsconfig.test.json; node build/scripts/frames.js")
})

test("every golden frame is one that the schema allows", () => {
  const ajv = new Ajv2020({ allowUnionTypes: true, strictTypes: false })
  const schema = JSON.parse(readFileSync("../../docs/protocol.schema.json", "utf8"))
  ajv.addSchema(schema, "protocol")
  for (const [def, frames] of [
    ["clientFrame", golden.ClientFrame],
    ["serverFrame", golden.ServerFrame],
  ] as const) {
    const allows = ajv.compile({ $ref: `protocol#/$defs/${def}` })
    for (const frame of frames) {
      assert.ok(allows(JSON.parse(frame)), `${frame} as ${def}: ${ajv.errorsText(allows.errors)}`)
    }
  }
})

test("every golden frame has its type in TypeScript", () => {
  const lines = [
    ...declarations("ClientFrame", golden.ClientFrame),
    ...declarations("ServerFrame", golden.ServerFrame),
  ]
  const got = [...compileErrors(lines)].map(([line, message]) => `${lines[line]}: ${message}`)
  assert.deepEqual(got, [], "want no errors")
})

test("a frame that differs from the protocol has no type in TypeScript", () => {
  const client = [
    '{"type":"join"}',
    '{"type":"join","doc":"d","Doc":"d"}',
    '{"type":"join","doc":"d","channels":["op"]}',
    '{"type":"join","doc":"d","since":{"ofset":1}}',
    '{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1}]}',
    '{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"payload":1,"at":1}]}',
    '{"type":"ping","id":true}',
    '{"type":"pong"}',
  ]
  const server = [
    '{"type":"ops","doc":"d","ops":[{"offset":1,"actor":"a","seq":1,"at":1,"payload":1}]}',
    '{"type":"ops","doc":"d","ops":[{"offset":1,"actor":"a","seq":1,"clock":{},"at":1,"redacted":false}]}',
    '{"type":"ack","doc":"d","actor":"a","seq":"1","offset":1}',
    '{"type":"reject","doc":"d","actor":"a","seq":1,"code":"not_joined","message":""}',
    '{"type":"presence","doc":"d","states":{"s":{"users":{}}}}',
    '{"type":"left","doc":"d","code":"gone"}',
    '{"type":"access","doc":"d","access":["own"]}',
    '{"type":"draining","retry_ms":1,"retry":1}',
    '{"type":"join","doc":"d"}',
  ]
  const lines = [...declarations("ClientFrame", client), ...declarations("ServerFrame", server)]
  const errors = compileErrors(lines)
  const taken = lines.filter((_, i) => !errors.has(i))
  assert.deepEqual(taken, [], "want each of these refused")
})
