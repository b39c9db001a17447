// What others write must not stop a page: each function that reads it takes time that grows with its length, whatever
// the text is. A function that does not is found at a small size, so that this ends.

import assert from "node:assert/strict"
import { test } from "node:test"
import { tokenIn } from "../src/link/link.ts"
import { beginningOf } from "../src/look/beginning.ts"
import { countOf, headingOf } from "../src/text/content.ts"
import { edits } from "../src/text/diff.ts"
import { boundedParser, watchedParser } from "../src/text/highlighting.ts"
import { renderMarkdown, toggled } from "../src/text/markdown.ts"

/** How much time of the processor any of these may take, ms: an expression that takes the square of 32 kB needs more. */
const patience = 400

/** Calls it, and returns how much time of the processor it took, ms. */
function timeOf(call: () => void): number {
  const began = process.cpuUsage()
  call()
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1000
}

/** Calls it with longer and longer texts, from 1 kB on, and ends with the first that takes too long. */
function grows(
  most: number,
  what: string,
  make: (length: number) => string,
  call: (text: string) => void,
): void {
  for (let length = 1024; length <= most; length *= 2) {
    const text = make(length)
    const took = timeOf(() => call(text))
    if (took > patience) assert.fail(`${what}: ${text.length} characters take ${took.toFixed()} ms`)
  }
}

const of = (piece: string, length: number) => piece.repeat(Math.ceil(length / piece.length))

const functions: Record<string, (text: string) => void> = {
  headingOf,
  countOf,
  toggled,
  tokenIn,
  edits: (text) => edits(`${text}a`, `b${text}`),
  beginningOf: (text) => beginningOf(text, 100),
}

const pieces = [
  " ",
  "\t",
  "#",
  "# ",
  "#\n",
  ">",
  "> ",
  "- ",
  "- [",
  "1",
  "1. ",
  "[",
  "[a](",
  "]",
  "(",
  "`",
  "*",
  "_a",
]
const more = ["\n", "a", "a ", "a.", "'", "&", "#t=a", "#t=", "/", "漢", "a漢", "😀", "\u0301", "\ud83d"]

for (const [name, call] of Object.entries(functions)) {
  test(`${name} takes time by the length of a text, whatever it is`, () => {
    for (const piece of [...pieces, ...more]) {
      for (const begin of ["", "# T", "- "]) {
        for (const end of ["", "x", "&"]) {
          const what = JSON.stringify([begin, piece, end])
          grows(32 << 10, what, (length) => begin + of(piece, length) + end, call)
        }
      }
    }
  })

  test(`${name} has a megabyte done in no time`, () => {
    for (const piece of [" ", "[a](", "a "]) {
      grows(1 << 20, JSON.stringify(piece), (length) => `# T${of(piece, length)}x`, call)
    }
  })
}

/** Lines that a parser of Markdown takes long for, or nests deep. */
const wild: Record<string, (length: number) => string> = {
  spaces: (length) => `# Title${of(" ", length)}x`,
  quotes: (length) => of(">", length),
  "quotes, line by line": (length) => of(`${">".repeat(45)}a\n`, length),
  "empty quotes": (length) => of(`${">".repeat(39)}\n`, length),
  lists: (length) => `${of("- ", length)}x`,
  "numbered lists": (length) => of("1. ", length),
  emphasis: (length) => `${of("*_", length / 2)}a${of("_*", length / 2)}`,
  "emphasis in a paragraph": (length) => of(`${"*_".repeat(40)}\n`, length),
  "emphasis, indented": (length) => `a\n${of(`    ${"*_".repeat(40)}\n`, length)}`,
  links: (length) => of("[a](", length),
  references: (length) => of("[a][", length),
  tables: (length) => `|a|b|\n|-|-|\n${of("|*a*|b|\n", length)}`,
  headings: (length) => `${of("*_\n", length)}===`,
  HTML: (length) => `<div>\n${of("<b>", length)}`,
}

for (const [name, make] of Object.entries(wild)) {
  test(`the editor's parser takes ${name} in small steps, and makes no deep tree of them`, () => {
    grows(32 << 10, name, make, (text) => {
      const parse = boundedParser.startParse(text)
      const steps = { tree: parse.advance() }
      while (!steps.tree) {
        const took = timeOf(() => {
          steps.tree = parse.advance()
        })
        if (took > patience) assert.fail(`a step of ${text.length} characters takes ${took.toFixed()} ms`)
      }
      let depth = 0
      steps.tree.iterate({
        enter: () => assert.ok(++depth < 60, "the tree is deep"),
        leave: () => {
          depth--
        },
      })
    })
  })
}

test("what is not wild has its colours, in long paragraphs and tables too", () => {
  const words = "Some **words**, and `code`.\n"
  const tree = boundedParser.parse(
    `# Title\n\n${words.repeat(1000)}\n| a | b |\n|---|---|\n${"| *c* | d |\n".repeat(300)}`,
  )
  const found = new Map<string, number>()
  tree.iterate({
    enter: ({ name }) => {
      found.set(name, (found.get(name) ?? 0) + 1)
    },
  })
  assert.equal(found.get("ATXHeading1"), 1)
  assert.equal(found.get("StrongEmphasis"), 1000)
  assert.equal(found.get("InlineCode"), 1000)
  assert.equal(found.get("Table"), 1)
  assert.equal(found.get("Emphasis"), 300)
})

test("where a step of the parser has taken too long, there are no colours from then on", (t) => {
  const parser = watchedParser()
  assert.ok(parser.parse("# Title").topNode.firstChild)
  let now = 0
  t.mock.method(performance, "now", () => {
    now += 1001
    return now
  })
  parser.parse("# Title")
  t.mock.restoreAll()
  const tree = parser.parse("# Title")
  assert.equal(tree.length, 7)
  assert.equal(tree.topNode.firstChild, null)
  assert.ok(watchedParser().parse("# Title").topNode.firstChild)
})

test("of a text with too many parts the preview shows the beginning", () => {
  const surroundings = { origin: "http://here.example", readOnly: false }
  const { blocks, whole } = renderMarkdown("a\n\n".repeat(55_000), surroundings)
  assert.equal(whole, false)
  assert.ok(blocks.length > 10_000 && blocks.length < 55_000)
  assert.deepEqual(renderMarkdown("a\n\n".repeat(10_000), surroundings).blocks.length, 10_000)
})
