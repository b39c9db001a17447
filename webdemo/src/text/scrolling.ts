// The preview scrolls with the editor, so that both show the same lines at their top.

import type { EditorView } from "@codemirror/view"

/** Lets a page follow the editor's scrolling, in the element around it; it returns what ends that. */
export function followScrolling(view: EditorView, page: HTMLElement): () => void {
  let frame = 0
  const follow = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0
      const scroller = page.parentElement as HTMLElement
      scroller.scrollTop += topOf(page, topLine(view)) - scroller.getBoundingClientRect().top
    })
  }
  view.scrollDOM.addEventListener("scroll", follow, { passive: true })
  follow()
  return () => {
    cancelAnimationFrame(frame)
    view.scrollDOM.removeEventListener("scroll", follow)
  }
}

/** The line at the top of what the editor shows, counted from 0; its fraction is how much of it is above. */
function topLine(view: EditorView): number {
  const height = view.scrollDOM.getBoundingClientRect().top - view.documentTop
  if (height <= 0) return 0
  const block = view.lineBlockAtHeight(height)
  const above = Math.min(1, Math.max(0, (height - block.top) / block.height))
  return view.state.doc.lineAt(block.from).number - 1 + above
}

/** Where a line is, px from the window's top: in proportion between the blocks around it. */
function topOf(page: HTMLElement, line: number): number {
  const box = page.getBoundingClientRect()
  let before = { line: 0, top: box.top }
  for (const block of page.querySelectorAll<HTMLElement>("[data-line]")) {
    const here = { line: Number(block.dataset.line), top: block.getBoundingClientRect().top }
    if (here.line > line) {
      const part = (line - before.line) / (here.line - before.line)
      return before.top + part * (here.top - before.top)
    }
    before = here
  }
  return before.top + (line > before.line ? Math.min(line - before.line, 1) * (box.bottom - before.top) : 0)
}
