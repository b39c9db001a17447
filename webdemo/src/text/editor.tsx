// The editor of a text, with the carets of all who are in it.

import { Compartment, EditorState, type Extension } from "@codemirror/state"
import { EditorView, keymap } from "@codemirror/view"
import { useEffect, useRef } from "react"
import { yCollab, ySync, yUndoManagerKeymap } from "y-codemirror.next"
import { useTheme } from "../look/usetheme.ts"
import { plain } from "./plain.ts"
import type { Session } from "./session.ts"
import { editing } from "./setup.ts"
import { sync } from "./sync.ts"
import "./editor.css"

const darkness = new Compartment()
const rights = new Compartment()

/** Who may only read can still go through the text by keyboard. */
function rightsOf(readOnly: boolean): Extension {
  if (!readOnly) return []
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ "aria-readonly": "true" }),
  ]
}

/** The carets of others and the undo of y-codemirror.next, with our sync in the place of its own. */
function collab({ text, provider, undo }: Session): Extension {
  const extensions = yCollab(text, provider.awareness, { undoManager: undo }) as Extension[]
  return extensions.map((extension) => (extension === ySync ? sync : extension))
}

/** Makes the editor of a session. The caller destroys it. */
export function openEditor(session: Session): EditorView {
  const { place, text } = session
  return new EditorView({
    doc: plain(text).text,
    extensions: [
      keymap.of(yUndoManagerKeymap),
      editing,
      collab(session),
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
