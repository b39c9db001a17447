import { BatonProvider } from "@baton-relay/client/yjs"
import { Editor } from "@tiptap/core"
import { Collaboration } from "@tiptap/extension-collaboration"
import { CollaborationCaret } from "@tiptap/extension-collaboration-caret"
import { StarterKit } from "@tiptap/starter-kit"
import * as Y from "yjs"
import { name, relay, user } from "./query.ts"
import { addStyle } from "./style.ts"

const provider = new BatonProvider(relay, name, new Y.Doc())
new Editor({
  element: document.body,
  extensions: [
    StarterKit.configure({ undoRedo: false }), // Collaboration has its own
    Collaboration.configure({ document: provider.doc }),
    CollaborationCaret.configure({ provider, user }),
  ],
})

addStyle()
Object.assign(window, { provider })
