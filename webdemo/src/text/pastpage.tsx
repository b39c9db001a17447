import type { EditorView } from "@codemirror/view"
import type { Session } from "./session.ts"
export function PastPage({
  close,
}: {
  session: Session
  editor: EditorView
  readOnly: boolean
  close: () => void
}) {
  return (
    <button type="button" onClick={close}>
      Back to now
    </button>
  )
}
