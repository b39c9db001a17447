import type { CSSProperties } from "react"
import { at, Overlay } from "../board/overlay.tsx"
import { type Reactions, useShown } from "./reactions.ts"
import "./layer.css"

/** The reactions that are on the screen, over the canvas. */
export function ReactionLayer({ reactions }: { reactions: Reactions }) {
  const shown = useShown(reactions)
  return (
    <Overlay api={reactions.desk.api}>
      {shown.map(({ id, emoji, x, y, name, colour }) => (
        <div key={id} className="reaction overlay-at" style={at({ x, y })} aria-hidden="true">
          <div className="reaction-float">
            <span className="reaction-emoji">{emoji}</span>
            <span className="reaction-name" style={{ "--colour": colour } as CSSProperties}>
              {name}
            </span>
          </div>
        </div>
      ))}
    </Overlay>
  )
}
