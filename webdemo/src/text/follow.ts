// Going along with somebody: what they work on stays in sight, until one does something oneself.

import { EditorView } from "@codemirror/view"
import { useEffect, useState } from "react"
import * as Y from "yjs"
import type { Guest } from "./guests.ts"
import type { Session } from "./session.ts"

/** The session of whom one follows, and how to follow another one, or nobody. */
export function useFollowing(
  { provider, text }: Session,
  editor: EditorView,
): [string | undefined, (session: string | undefined) => void] {
  const [following, follow] = useState<string>()
  useEffect(() => {
    if (following === undefined) return
    const { awareness, document } = provider
    const go = () => {
      const participant = document.presence.others.get(following)
      if (!participant) return follow(undefined)
      const { client } = (participant.state?.awareness ?? {}) as { client?: number }
      const { cursor } = (awareness.states.get(client ?? -1) ?? {}) as Guest
      const head =
        cursor &&
        Y.createAbsolutePositionFromRelativePosition(cursor.head as Y.RelativePosition, provider.doc)
      if (head?.type !== text || head.index > editor.state.doc.length) return
      editor.dispatch({ effects: EditorView.scrollIntoView(head.index, { y: "center" }) })
    }
    const stop = () => follow(undefined)
    const own = ["keydown", "pointerdown", "wheel"] as const
    awareness.on("change", go)
    for (const event of own) editor.dom.addEventListener(event, stop, { passive: true })
    go()
    return () => {
      awareness.off("change", go)
      for (const event of own) editor.dom.removeEventListener(event, stop)
    }
  }, [provider, text, editor, following])
  return [following, follow]
}
