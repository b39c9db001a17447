// The editor of a text, with the carets of all who are in it.

import { collab, textOf } from "@baton-relay/client/codemirror"
import { Compartment, EditorState, type Extension } from "@codemirror/state"
import { EditorView, keymap, placeholder } from "@codemirror/view"
import { useEffect, useRef } from "react"
import { yUndoManagerKeymap } from "y-codemirror.next"
import { useTheme } from "../look/usetheme.ts"
import type { Session } from "./session.ts"
import { editing } from "./setup.ts"
import "./editor.css"

const darkness = new Compartment()
const rights = new Compartment()

/** Who may only read can still go through the text by keyboard. */
function rightsOf(readOnly: boolean): Extension {
  if (!readOnly) return placeholder("Write here. Markdown makes headings, lists and tables of it.")
  return [
    placeholder("Nothing is written here yet."),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-readonly": "true" }),
  ]
}

/** Makes the editor of a session. The caller destroys it. */
export function openEditor(session: Session): EditorView {
  const { place, text, provider, undo } = session
  return new EditorView({
    doc: textOf(text),
    extensions: [
      keymap.of(yUndoManagerKeymap),
      editing,
      collab(text, provider.awareness, { undoManager: undo }),
      EditorView.contentAttributes.of({
        "aria-label": `Text of ${place.name}`,
        "aria-describedby": "editor-keys",
        tabindex: "0",
        spellcheck: "true",
        autocorrect: "on",
        autocapitalize: "sentences",
      }),
      darkness.of([]),
      rights.of([]),
    ],
  })
}

interface EditorProps {
  view: EditorView
  readOnly: boolean
  hidden: boolean
}

/** Shows an editor, as long as it is there. */
export function Editor({ view, readOnly, hidden }: EditorProps) {
  const place = useRef<HTMLDivElement>(null)
  const theme = useTheme()
  useEffect(() => {
    place.current?.append(view.dom)
    return () => view.dom.remove()
  }, [view])
  useEffect(() => {
    // One can write at once, unless one is somewhere else on the page already.
    if (!hidden && !readOnly && document.activeElement === document.body) view.focus()
  }, [view, hidden, readOnly])
  useEffect(() => {
    const dark = EditorView.darkTheme.of(theme === "dark")
    view.dispatch({ effects: [darkness.reconfigure(dark), rights.reconfigure(rightsOf(readOnly))] })
  }, [view, theme, readOnly])
  useEffect(() => {
    if (!hidden) view.requestMeasure()
  }, [view, hidden])
  return (
    <div className="editor" ref={place} hidden={hidden}>
      <p id="editor-keys" className="only-heard">
        {readOnly
          ? "This text is read only."
          : "Tab indents. To leave the editor by keyboard, press Escape and then Tab."}
      </p>
    </div>
  )
}
