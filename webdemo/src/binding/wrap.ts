// Whether a text is drawn as it is written: what two people type at once merges, and the lines that one page has made of
// its letters are then no longer those of the text.

import type { ExcalidrawElement, ExcalidrawTextElement } from "@excalidraw/excalidraw/element/types"

/** Whether a text has to be wrapped and measured before it can be seen as it is. */
export function misfit(element: ExcalidrawElement): element is ExcalidrawTextElement {
  if (element.type !== "text") return false
  const { text, originalText, width, height, containerId, autoResize } = element
  if (originalText !== "" && (width === 0 || height === 0)) return true // nobody has measured it
  return containerId === null && autoResize ? text !== originalText : !wraps(text, originalText)
}

/** Whether lines are those of a text: it has more line breaks, and no white space where it has one. */
export function wraps(lines: string, text: string): boolean {
  const [drawn, written] = [lines.normalize("NFC"), text.normalize("NFC")] // as Excalidraw wraps
  let at = 0
  for (let i = 0; i < drawn.length; i++) {
    const letter = drawn[i]
    if (letter === written[at]) {
      at++
      continue
    }
    if (letter !== "\n" || i === 0 || drawn[i - 1] === "\n") return false
    while (isSpace(written[at])) at++
    if (written[at] === "\n") at++
  }
  while (isSpace(written[at])) at++
  return at >= written.length
}

function isSpace(letter: string | undefined): boolean {
  return letter !== undefined && letter !== "\n" && /\s/.test(letter)
}
