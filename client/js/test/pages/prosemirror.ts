import { BatonProvider } from "@baton-relay/client/yjs"
import { exampleSetup } from "prosemirror-example-setup"
import { keymap } from "prosemirror-keymap"
import { schema } from "prosemirror-schema-basic"
import { EditorState } from "prosemirror-state"
import { EditorView } from "prosemirror-view"
import { redo, undo, yCursorPlugin, ySyncPlugin, yUndoPlugin } from "y-prosemirror"
import * as Y from "yjs"
import { name, relay, user } from "./query.ts"
import { addStyle } from "./style.ts"

const provider = new BatonProvider(relay, name, new Y.Doc())
provider.awareness.setLocalStateField("user", user)
const plugins = [
  ySyncPlugin(provider.doc.getXmlFragment("text")),
  yCursorPlugin(provider.awareness),
  yUndoPlugin(),
  keymap({ "Mod-z": undo, "Mod-y": redo, "Mod-Shift-z": redo }),
  ...exampleSetup({ schema, menuBar: false, history: false }),
]
new EditorView(document.body, { state: EditorState.create({ schema, plugins }) })

addStyle()
Object.assign(window, { provider })
