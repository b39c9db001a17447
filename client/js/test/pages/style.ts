/** Adds what an application's style sheet has for these editors: names stand above carets and move no text. */
export function addStyle(): void {
  const style = document.createElement("style")
  style.textContent = `
    .ProseMirror { white-space: pre-wrap; }
    .ProseMirror-yjs-cursor, .collaboration-carets__caret { position: relative; border-left: 2px solid; }
    .ProseMirror-yjs-cursor > div, .collaboration-carets__label {
      position: absolute; left: -2px; top: -1.1em;
      color: white; font-size: 0.7em; line-height: 1.2; white-space: nowrap; user-select: none;
    }`
  document.head.append(style)
}
