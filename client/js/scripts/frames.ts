// Turns docs/protocol.schema.json into src/frames.ts. From client/js:
//
//   npx tsc -p tsconfig.test.json; node build/scripts/frames.js
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const schemaFile = "../../docs/protocol.schema.json"
const typesFile = "src/frames.ts"

/** Definitions whose own names would be taken for something else. */
const renamed: Record<string, string> = { state: "PresenceState", error: "HttpError", gone: "GoneError" }

/** Definitions that no client of this package sends or gets. */
const leftOut = ["event", "clientEventBody", "appendBody", "tokenFile"]

/** What of JSON Schema becomes a type; patterns, ranges and conditions TypeScript cannot say. */
interface Schema {
  description?: string
  $ref?: string
  type?: string | string[]
  enum?: string[]
  const?: unknown
  properties?: Record<string, Part>
  required?: string[]
  additionalProperties?: Part
  items?: Part
  anyOf?: Schema[]
  allOf?: { if: Schema; then: Schema }[]
}
type Part = Schema | true

/** Returns what src/frames.ts has to be. The working directory is client/js. */
export function generate(): string {
  const types = new Types(JSON.parse(readFileSync(schemaFile, "utf8")).$defs)
  const text = `// Generated from docs/protocol.schema.json by scripts/frames.ts.\n${types.source()}`
  const format = ["format", `--stdin-file-path=${typesFile}`]
  return execFileSync("node_modules/.bin/biome", format, { input: text, encoding: "utf8" })
}

class Types {
  private readonly defs: Record<string, Schema>
  /** For each definition of a frame its type on the wire. */
  private readonly frames: Map<string, Part>

  constructor(defs: Record<string, Schema>) {
    this.defs = defs
    this.frames = new Map(Object.values(defs).flatMap(framesOf))
  }

  source(): string {
    const named = Object.entries(this.defs).filter(([name, def]) => !isPlain(def) && !leftOut.includes(name))
    return named.map(([name, def]) => `\n${comment(def)}export ${this.declaration(name, def)}\n`).join("")
  }

  private declaration(name: string, def: Schema): string {
    const union = framesOf(def).map(([frame]) => this.nameOf(frame))
    if (union.length > 0) return `type ${this.nameOf(name)} = ${union.join(" | ")}`
    const type = this.frames.get(name)
    if (!type && !def.properties) return `type ${this.nameOf(name)} = ${this.type(def)}`
    const head = type ? { properties: { type, id: { $ref: "#/$defs/id" } }, required: ["type"] } : {}
    const base = def.$ref ? ` extends ${this.nameOf(target(def.$ref))}` : ""
    return `interface ${this.nameOf(name)}${base} {\n${this.fields(head)}${this.fields(def)}}`
  }

  private nameOf(name: string): string {
    const suffix = this.frames.has(name) && !name.endsWith("Frame") ? "Frame" : ""
    return renamed[name] ?? name.charAt(0).toUpperCase() + name.slice(1) + suffix
  }

  /** Besides its own fields a definition has those of its base that it alone requires. */
  private fields(def: Schema): string {
    const base = def.$ref ? this.def(def.$ref) : {}
    const required = [...(def.required ?? []), ...(base.required ?? [])]
    const all: Record<string, Part> = { ...def.properties }
    for (const name of def.required ?? []) all[name] ??= base.properties?.[name] ?? true
    const field = ([name, part]: [string, Part]) =>
      `${comment(this.plain(part))}${name}${required.includes(name) ? "" : "?"}: ${this.type(part)}\n`
    return Object.entries(all).map(field).join("")
  }

  private type(part: Part): string {
    const plain = this.plain(part)
    if (plain === true) return "unknown"
    if (plain.$ref) return this.nameOf(target(plain.$ref))
    if (plain.enum) return plain.enum.map((value) => JSON.stringify(value)).join(" | ")
    if (plain.const !== undefined) return JSON.stringify(plain.const)
    if (plain.anyOf) return plain.anyOf.map((one) => this.type(one)).join(" | ")
    const types = [plain.type ?? "unknown"].flat()
    return types.map((type) => this.typeOf(type, plain)).join(" | ")
  }

  private typeOf(type: string, part: Schema): string {
    if (type === "integer") return "number"
    if (type === "array") return `(${this.type(part.items ?? true)})[]`
    if (type !== "object") return type
    if (part.properties) return `{\n${this.fields(part)}}`
    return `Record<string, ${this.type(part.additionalProperties ?? true)}>`
  }

  /** What a reference to a string or number stands for; all else as it is. */
  private plain(part: Part): Part {
    const def = part !== true && part.$ref ? this.def(part.$ref) : part
    return def !== true && isPlain(def) ? def : part
  }

  private def(ref: string): Schema {
    const def = this.defs[target(ref)]
    if (!def) throw new Error(`the schema has no ${ref}`)
    return def
  }
}

/** Strings and numbers get no name of their own. */
function isPlain(def: Schema): boolean {
  return def.type !== undefined && def.type !== "object" && def.type !== "array"
}

/** The definitions that a union's conditions choose between, each with the type that chooses it. */
function framesOf(def: Schema): [string, Part][] {
  const cases = def.allOf?.filter((one) => one.if.properties?.type) ?? []
  return cases.map((one) => [target(one.then.$ref), one.if.properties?.type ?? true])
}

function target(ref = ""): string {
  return ref.replace("#/$defs/", "")
}

function comment(part: Part): string {
  return part !== true && part.description ? `/** ${part.description} */\n` : ""
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(typesFile, generate())
