// How the editor looks and which keys it knows. All colours are the page's, so that light and dark need no second set.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete"
import { defaultKeymap, indentWithTab } from "@codemirror/commands"
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language"
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search"
import { EditorState, type Extension } from "@codemirror/state"
import { drawSelection, dropCursor, EditorView, highlightSpecialChars, keymap } from "@codemirror/view"
import { tags } from "@lezer/highlight"
import { markdown } from "./highlighting.ts"

/** The page's green, dark enough for text. */
const green = "color-mix(in srgb, var(--good) 80%, var(--text))"

const highlight = HighlightStyle.define([
  { tag: tags.heading1, fontWeight: "700", fontSize: "1.5em", lineHeight: "1.3" },
  { tag: tags.heading2, fontWeight: "700", fontSize: "1.25em", lineHeight: "1.4" },
  { tag: tags.heading, fontWeight: "700" },
  { tag: tags.strong, fontWeight: "700" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.strikethrough, textDecoration: "line-through" },
  { tag: [tags.link, tags.url], color: "var(--accent)" },
  { tag: [tags.monospace, tags.string, tags.number, tags.bool], color: green },
  { tag: [tags.keyword, tags.tagName, tags.attributeName], color: "var(--accent)" },
  { tag: [tags.quote, tags.comment, tags.meta], color: "var(--dim)" },
  { tag: [tags.processingInstruction, tags.contentSeparator, tags.labelName], color: "var(--dim)" },
])

/** For whatever shows a text. */
export const looks: Extension = [
  highlightSpecialChars(),
  EditorView.lineWrapping,
  markdown,
  syntaxHighlighting(highlight),
  // Every character stays what it is: positions here are positions in the Y.Text.
  EditorState.lineSeparator.of("\n"),
]

/** For editing. Undo is not among it: it has to know whose edits are whose. */
export const editing: Extension = [
  looks,
  drawSelection(),
  dropCursor(),
  EditorState.allowMultipleSelections.of(true),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  search({ top: true }),
  highlightSelectionMatches(),
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, indentWithTab]),
]
