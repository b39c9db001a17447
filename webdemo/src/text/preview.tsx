// The text as it reads, beside it or in its place.

import type { EditorView } from "@codemirror/view"
import { useEffect, useRef } from "react"
import { renderMarkdown, toggled } from "./markdown.ts"
import { followScrolling } from "./scrolling.ts"
import "./preview.css"

interface PreviewProps {
  source: string
  view: EditorView
  readOnly: boolean
  /** Whether it scrolls with the editor. */
  beside: boolean
}

export function Preview({ source, view, readOnly, beside }: PreviewProps) {
  const page = useRef<HTMLElement>(null)
  useEffect(() => {
    if (page.current) show(page.current, renderMarkdown(source, { origin: location.origin, readOnly }))
  }, [source, readOnly])
  useEffect(() => {
    return beside && page.current ? followScrolling(view, page.current) : undefined
  }, [view, beside])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the boxes are what is clicked, by key as well
    <section
      className="preview"
      aria-label="Preview"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled by keyboard
      tabIndex={0}
      onClick={({ target }) => {
        const task = target instanceof HTMLInputElement && target.dataset.task
        if (task) tick(view, Number(task))
      }}
    >
      <article ref={page} />
    </section>
  )
}

/** Ticks the box of the task in a line, counted from 0, or takes the tick away. */
function tick(view: EditorView, number: number): void {
  const { doc } = view.state
  if (number >= doc.lines) return
  const line = doc.line(number + 1)
  const change = toggled(line.text)
  if (!change) return // somebody was quicker
  const from = line.from + change.at
  view.dispatch({ changes: { from, to: from + 1, insert: change.insert }, userEvent: "input" })
}

/** Puts the page's blocks in order, and leaves alone those that are the same: what is selected there stays so. */
function show(page: HTMLElement, html: string): void {
  const template = document.createElement("template")
  template.innerHTML = html
  const was = [...page.childNodes]
  const now = [...template.content.childNodes]
  const most = Math.min(was.length, now.length)
  let start = 0
  while (start < most && was[start]?.isEqualNode(now[start] as Node)) start++
  let end = 0
  while (end < most - start && was.at(-1 - end)?.isEqualNode(now.at(-1 - end) as Node)) end++
  const task = document.activeElement?.getAttribute("data-task")
  for (const node of was.slice(start, was.length - end)) node.remove()
  const after = page.childNodes[start] ?? null
  for (const node of now.slice(start, now.length - end)) page.insertBefore(node, after)
  if (task && !document.activeElement?.hasAttribute("data-task")) {
    page.querySelector<HTMLElement>(`[data-task="${CSS.escape(task)}"]`)?.focus()
  }
}
