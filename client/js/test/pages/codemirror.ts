import { collab, textOf } from "@baton-relay/client/codemirror"
import { BatonProvider } from "@baton-relay/client/yjs"
import { keymap } from "@codemirror/view"
import { basicSetup, EditorView } from "codemirror"
import { yUndoManagerKeymap } from "y-codemirror.next"
import * as Y from "yjs"
import { name, relay, user } from "./query.ts"

const provider = new BatonProvider(relay, name, new Y.Doc())
provider.awareness.setLocalStateField("user", user)
const text = provider.doc.getText("text")
const view = new EditorView({
  doc: textOf(text),
  extensions: [
    keymap.of(yUndoManagerKeymap), // before basicSetup, whose own undo knows nothing of others
    basicSetup,
    collab(text, provider.awareness, { undoManager: new Y.UndoManager(text) }),
  ],
  parent: document.body,
})

Object.assign(window, { provider, view })
