// The text as it reads, beside it or in its place.

import type { EditorView } from "@codemirror/view"
import { useEffect, useRef, useState } from "react"
import { toggled } from "./markdown.ts"
import { Rendering } from "./rendering.ts"
import { followScrolling } from "./scrolling.ts"
import { Shown } from "./shown.ts"
import "./preview.css"

interface PreviewProps {
  source: string
  view: EditorView
  readOnly: boolean
  /** Whether it scrolls with the editor. */
  beside: boolean
}

const notices = {
  begun: "The preview ends here: the text is too large to show all of it.",
  none: "There is no preview: rendering the text fails, or takes too long.",
}

export function Preview({ source, view, readOnly, beside }: PreviewProps) {
  const page = useRef<HTMLElement>(null)
  const rendering = useRef<Rendering>(null)
  const [state, setState] = useState<"whole" | "begun" | "none">("whole")
  useEffect(() => {
    const shown = new Shown(page.current as HTMLElement)
    const made = new Rendering((rendered) => {
      setState(!rendered ? "none" : rendered.whole ? "whole" : "begun")
      shown.show(rendered?.blocks ?? [])
    })
    rendering.current = made
    return () => {
      made.close()
      shown.stop()
    }
  }, [])
  useEffect(() => {
    rendering.current?.render(source, { origin: location.origin, readOnly })
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
      {state !== "whole" && <p className="preview-cut">{notices[state]}</p>}
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
