import { useEffect, useRef, useState, useSyncExternalStore } from "react"
import { ReactIcon } from "../look/icons.tsx"
import { emoji, type Reactions } from "./reactions.ts"
import "./button.css"

/** In the header: a palette of reactions. While it is open the keys 1 to 6 send them too. */
export function ReactionButton({ reactions }: { reactions: Reactions }) {
  const reachable = useReachable(reactions)
  const [open, setOpen] = useState(false)
  const shown = open && reachable
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!shown) return undefined
    const away = ({ target }: PointerEvent) => {
      if (!root.current?.contains(target as Node)) setOpen(false)
    }
    const key = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if ((event.target as Element).closest?.("input, textarea, select, [contenteditable]")) return
      const chosen = [...emoji.keys()][Number(event.key) - 1]
      if (chosen === undefined && event.key !== "Escape") return
      // Digits choose tools of the canvas, and so would these.
      event.preventDefault()
      event.stopPropagation()
      if (chosen !== undefined) reactions.send(chosen)
      else setOpen(false)
    }
    addEventListener("pointerdown", away, { capture: true })
    addEventListener("keydown", key, { capture: true })
    return () => {
      removeEventListener("pointerdown", away, { capture: true })
      removeEventListener("keydown", key, { capture: true })
    }
  }, [shown, reactions])
  return (
    <div className="reactions" ref={root}>
      <button
        type="button"
        className="header-tool"
        title={reachable ? "React" : "React: nobody would see it without a connection"}
        aria-label="React"
        aria-expanded={shown}
        disabled={!reachable}
        onClick={() => setOpen(!open)}
      >
        <ReactIcon />
      </button>
      {shown && (
        <fieldset className="reactions-palette" aria-label="Reactions">
          {[...emoji].map(([sign, name], i) => (
            <button
              key={sign}
              type="button"
              title={`${name} (${i + 1})`}
              aria-label={name}
              aria-keyshortcuts={String(i + 1)}
              onClick={() => reactions.send(sign)}
            >
              {sign}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  )
}

/** Whether others hear of what happens here. */
function useReachable({ desk }: Reactions): boolean {
  const { document: doc } = desk.session.board
  const { state, access } = useSyncExternalStore(
    (changed) => doc.on("status", changed),
    () => doc.status,
  )
  return (state === "live" || state === "read-only") && (access?.includes("presence") ?? true)
}
