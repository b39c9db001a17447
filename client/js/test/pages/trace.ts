import * as A from "@automerge/automerge"
import { type Doc, type LocalCopy, localCopy } from "@baton-relay/client"
import { firstChange, openAutomerge } from "@baton-relay/client/automerge"
import { BatonProvider } from "@baton-relay/client/yjs"
import * as Y from "yjs"

/** An edit of a text: at which place, how much goes, what comes. */
type Edit = [at: number, gone: number, ...come: string[]]

interface Editor {
  text(): string
  edit(e: Edit): void
  compact(): Promise<boolean>
  problems: string[]
  document: Doc
}

const query = new URL(location.href).searchParams
const relay = query.get("relay") ?? ""
const name = query.get("doc") ?? ""

function automerge(copy: LocalCopy | undefined): Editor {
  const first = firstChange<{ text: string }>((d) => {
    d.text = ""
  })
  const binding = openAutomerge<{ text: string }>(relay, name, { first, ...(copy && { copy }) })
  const problems: string[] = []
  binding.document.on("problem", (problem) => problems.push(problem.message))
  return {
    problems,
    document: binding.document,
    text: () => binding.doc.text,
    edit: ([at, gone, ...come]) => binding.change((d) => A.splice(d, ["text"], at, gone, come.join(""))),
    compact: () => binding.compact(),
  }
}

function yjs(copy: LocalCopy | undefined): Editor {
  const provider = new BatonProvider(relay, name, new Y.Doc(), copy ? { copy } : {})
  const text = provider.doc.getText("text")
  const problems: string[] = []
  provider.document.on("problem", (problem) => problems.push(problem.message))
  return {
    problems,
    document: provider.document,
    text: () => text.toString(),
    edit: ([at, gone, ...come]) =>
      provider.doc.transact(() => {
        text.delete(at, gone)
        text.insert(at, come.join(""))
      }),
    compact: () => provider.compact(),
  }
}

const began = performance.now()
const copy = query.has("copy") ? localCopy() : undefined
const editor = query.get("format") === "yjs" ? yjs(copy) : automerge(copy)

/** Types as a person would, only faster: each edit is an op, and the page stays alive. */
async function type(edits: Edit[]): Promise<void> {
  for (const [n, edit] of edits.entries()) {
    editor.edit(edit)
    await null
    if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve))
    while (editor.document.saved.pending > 2000) await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** How often a text had the length that was waited for, and was another. */
let passing = 0

/**
 * Resolves when the text has this length and SHA-256, with how long that took since the document was opened, ms. The
 * length alone comes and goes, where something is taken away and something put there.
 */
async function opened(length: number, sum: string): Promise<number> {
  for (let seen = ""; ; await new Promise((resolve) => setTimeout(resolve, 1))) {
    const text = editor.text()
    if (text.length !== length || text === seen) continue
    const at = performance.now() - began
    if ((await digest(text)) === sum) return at
    seen = text
    passing++
  }
}

/** What there is to know if it does not go on. */
function standing(): string {
  const { status, place, saved } = editor.document
  const { message } = status.reason ?? {}
  return JSON.stringify([editor.text().length, saved.pending, status.state, message, place, editor.problems])
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  return [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("")
}

Object.assign(globalThis, { editor, type, opened, standing, passing: () => passing })
