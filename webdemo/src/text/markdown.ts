// Markdown to HTML that is safe to show: no HTML of the author's, no script behind a link, no image of another host.

import MarkdownIt, { type RendererRule, type StateCore, type Token } from "markdown-it"

/** What rendering depends on. */
export type Surroundings = {
  /** Images of it are shown; the page may not ask others. */
  origin: string
  /** Whether boxes of task lists cannot be ticked. */
  readOnly: boolean
}

/** What a text becomes. */
export interface Rendered {
  /** The HTML of its blocks, each one element. */
  blocks: string[]
  /** Whether these are all. */
  whole: boolean
}

/** So many parts of a text are shown at most: words in a row, marks, lines. A book has fewer. */
const mostParts = 200_000

const md = new MarkdownIt({ html: false, linkify: false, typographer: false })
const { escapeHtml } = md.utils

/** A task's line, counted from 0, is in its box's data-task; where blocks begin, in their data-line. */
export function renderMarkdown(source: string, surroundings: Surroundings): Rendered {
  const tokens = md.parse(source, surroundings)
  const blocks: string[] = []
  let parts = 0
  let first = 0
  for (const [i, { level, nesting, children }] of tokens.entries()) {
    parts += 1 + (children?.length ?? 0)
    if (level > 0 || nesting > 0) continue
    if (parts > mostParts) return { blocks, whole: false }
    blocks.push(md.renderer.render(tokens.slice(first, i + 1), md.options, surroundings).trimEnd())
    first = i + 1
  }
  return { blocks, whole: true }
}

/** Returns where in a line the mark of a task is, and what it becomes; undefined if the line is no task. */
export function toggled(line: string): { at: number; insert: string } | undefined {
  const [, before, mark] = /^((?:\s|>)*(?:[-*+]|\d+[.)])\s+\[)([ xX])\]/.exec(line) ?? []
  return before === undefined ? undefined : { at: before.length, insert: mark === " " ? "x" : " " }
}

function isShown(src: string, origin: string): boolean {
  if (src.startsWith("data:image/")) return true
  try {
    return new URL(src, origin).origin === origin
  } catch {
    return false
  }
}

md.core.ruler.push("lines", ({ tokens }: StateCore) => {
  for (const token of tokens) {
    if (token.map && token.nesting >= 0 && token.type !== "inline")
      token.attrSet("data-line", `${token.map[0]}`)
  }
})

md.core.ruler.after("inline", "tasks", (state: StateCore) => {
  for (const [i, { type, content, children, map }] of state.tokens.entries()) {
    const item = state.tokens[i - 2]
    const [mark] = /^\[[ xX]\] /.exec(content) ?? []
    const first = children?.[0]
    if (type !== "inline" || item?.type !== "list_item_open" || !mark || first?.type !== "text") continue
    item.attrJoin("class", "preview-task")
    first.content = first.content.slice(mark.length - 1) // a space stays before it
    const box = new state.Token("task", "input", 0)
    box.attrs = [
      ["type", "checkbox"],
      ["data-task", `${map?.[0] ?? 0}`],
      ["aria-label", content.slice(mark.length)],
    ]
    if (mark !== "[ ] ") box.attrSet("checked", "")
    if ((state.env as Surroundings).readOnly) box.attrSet("disabled", "")
    children?.unshift(box)
  }
})

const link = md.renderer.rules.link_open
md.renderer.rules.link_open = (tokens, i, options, env, self) => {
  tokens[i]?.attrSet("target", "_blank")
  tokens[i]?.attrSet("rel", "noopener noreferrer")
  return link ? link(tokens, i, options, env, self) : self.renderToken(tokens, i, options)
}

const image = md.renderer.rules.image
md.renderer.rules.image = (tokens, i, options, env, self) => {
  const token = tokens[i] as Token
  const src = String(token.attrGet("src") ?? "")
  if (image && isShown(src, (env as Surroundings).origin)) return image(tokens, i, options, env, self)
  const alt = self.renderInlineAsText(token.children ?? [], options, env)
  return `<span class="preview-elsewhere">${escapeHtml(alt || "Image")} <span>(${escapeHtml(src)})</span></span>`
}

// What may be wider than the page can be scrolled, by keyboard too.
const code: RendererRule = (tokens, i) => {
  const { content, map } = tokens[i] as Token
  return `<pre tabindex="0" data-line="${map?.[0] ?? 0}"><code>${escapeHtml(content)}</code></pre>\n`
}
Object.assign(md.renderer.rules, {
  fence: code,
  code_block: code,
  table_open(tokens, i) {
    const region = 'class="preview-table" role="region" aria-label="Table" tabindex="0"'
    return `<div ${region} data-line="${tokens[i]?.map?.[0] ?? 0}"><table>\n`
  },
  table_close: () => "</table></div>\n",
} satisfies Record<string, RendererRule>)
