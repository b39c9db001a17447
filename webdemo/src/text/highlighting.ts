// Markdown in colours, within bounds. The parser of CodeMirror takes the square of a paragraph's length for some
// paragraphs, and whoever walks its tree calls itself once for each block around a block: one line that somebody pastes
// would stop the page for everybody. HTML is not parsed further: the preview shows none.

import { markdownKeymap, markdownLanguage, pasteURLAsLink } from "@codemirror/lang-markdown"
import { Language, LanguageSupport } from "@codemirror/language"
import { Prec } from "@codemirror/state"
import { keymap } from "@codemirror/view"
import { type NodeType, type PartialParse, Tree } from "@lezer/common"
import { styleTags, tags } from "@lezer/highlight"
import type { BlockContext, LeafBlock, Line, MarkdownConfig, MarkdownParser } from "@lezer/markdown"

/** One step of parsing, after which the page can do something else, may take so long, ms. */
const mostOfStep = 1000

/** A longer line has no colours, and a longer paragraph is parsed in parts, in UTF-16 units. */
const mostOfParagraph = 4000

/** So many blocks may be around a block: a list counts twice, as itself and its item. What is deeper has no colours. */
const mostNesting = 40

const bounds: MarkdownConfig = {
  parseBlock: [
    {
      name: "Bounds",
      before: "LinkReference", // the first of all
      parse(cx: BlockContext, line: Line): boolean {
        if (line.text.length <= mostOfParagraph && cx.depth <= mostNesting) return false
        const from = cx.lineStart + line.pos
        const to = cx.lineStart + line.text.length
        cx.nextLine()
        cx.addElement(cx.elt("Paragraph", from, to))
        return true
      },
      leaf: () => ({ nextLine: endIfLong, finish: () => false }),
    },
  ],
  props: [styleTags({ "HTMLTag HTMLBlock": tags.tagName })],
}

/** Ends a paragraph, or a table, before a line that would make it too long. */
function endIfLong(cx: BlockContext, line: Line, leaf: LeafBlock): boolean {
  const { content, start, parsers } = leaf
  if (content.length + line.text.length <= mostOfParagraph) return false
  if (parsers.some((parser) => parser.finish(cx, leaf))) return true
  const inline = cx.parser.parseInline(content, start)
  cx.addLeafElement(leaf, cx.elt("Paragraph", start, start + content.length, inline))
  return true
}

/** Parses Markdown in time that grows with its length. */
export const boundedParser = (markdownLanguage.parser as MarkdownParser).configure(bounds)

const documentType = boundedParser.nodeSet.types.find(({ isTop }) => isTop) as NodeType

/** A parse that says how long its steps take, and ends with nothing where that was too long. */
class Watched implements PartialParse {
  #parse: PartialParse
  #length: number
  #watch: Watch

  constructor(parse: PartialParse, length: number, watch: Watch) {
    this.#parse = parse
    this.#length = length
    this.#watch = watch
  }

  get parsedPos(): number {
    return this.#watch.tooLong ? this.#length : this.#parse.parsedPos
  }

  get stoppedAt(): number | null {
    return this.#parse.stoppedAt
  }

  stopAt(pos: number): void {
    this.#parse.stopAt(pos)
  }

  advance(): Tree | null {
    if (this.#watch.tooLong) return new Tree(documentType, [], [], this.#parse.stoppedAt ?? this.#length)
    const began = performance.now()
    const tree = this.#parse.advance()
    this.#watch.tooLong = performance.now() - began > mostOfStep
    return tree
  }
}

interface Watch {
  tooLong: boolean
}

/** Returns a parser that makes no colours any more once a step has taken too long: each key would take as long. */
export function watchedParser(): MarkdownParser {
  const watch: Watch = { tooLong: false }
  return boundedParser.configure({ wrap: (parse, input) => new Watched(parse, input.length, watch) })
}

export const markdown = new LanguageSupport(
  new Language(markdownLanguage.data, watchedParser(), [], "markdown"),
  [pasteURLAsLink, Prec.high(keymap.of(markdownKeymap))],
)
