import { useState } from "react"
import { type Kind, pathOf } from "../link/link.ts"
import { newName } from "../link/names.ts"
import "./create.css"

/** The two big choices. */
export function Create() {
  return (
    <div className="create">
      <CreateLink kind="board" title="New board" text="Draw, sketch and arrange">
        <rect x="14" y="22" width="46" height="34" rx="6" stroke="#1971c2" />
        <circle cx="98" cy="34" r="20" stroke="#d92626" />
        <path d="M62 42c6-8 10-9 15-7M71 30l7 5-5 7" stroke="var(--dim)" />
        <path d="M20 76c14-14 20 10 34-2s22 8 34-2 16 4 22-2" stroke="#2b8a3e" />
      </CreateLink>
      <CreateLink kind="text" title="New text" text="Write notes in Markdown">
        <path d="M14 24h44" stroke="var(--text)" strokeWidth="6" />
        <path d="M14 44h86M14 60h70M14 76h48" stroke="var(--dim)" />
        <path d="M106 37v14" stroke="#d92626" />
        <path d="M68 69v14" stroke="#7048e8" />
      </CreateLink>
    </div>
  )
}

interface CreateLinkProps {
  kind: Kind
  title: string
  text: string
  /** The picture, drawn on 132 by 92. */
  children: React.ReactNode
}

/** A link to a document that is not there yet; each time that it is followed, to another one. */
function CreateLink({ kind, title, text, children }: CreateLinkProps) {
  const [name, setName] = useState(newName)
  const used = () => setTimeout(() => setName(newName()))
  return (
    <a
      href={pathOf({ kind, name })}
      className="create-link"
      onClick={used}
      onAuxClick={used}
      onContextMenu={used}
    >
      <svg viewBox="0 0 132 92" aria-hidden="true">
        {children}
      </svg>
      <strong>{title}</strong>
      <span>{text}</span>
    </a>
  )
}
