import { useState } from "react"
import { initials } from "../people/bar.tsx"
import type { Comments } from "./comments.ts"
import type { Remark } from "./threads.ts"
import { Ago } from "./time.tsx"
import { Writing } from "./writing.tsx"
import "./note.css"

interface NoteItemProps {
  comments: Comments
  thread: string
  note: Remark
}

/** A note of a thread. This browser's user may change what they wrote. */
export function NoteItem({ comments, thread, note }: NoteItemProps) {
  const { id, text, name, colour, at, edited } = note
  const [editing, setEditing] = useState(false)
  return (
    <li className="note">
      <span className="note-face" style={{ background: colour }} aria-hidden="true">
        {initials(name)}
      </span>
      <div className="note-head">
        <b dir="auto">{name}</b>
        <Ago at={at} />
        {edited && <span>edited</span>}
      </div>
      {editing ? (
        // biome-ignore lint/a11y/noStaticElementInteractions: Escape leaves the field, and not the thread
        <div
          onKeyDown={(event) => {
            if (event.key !== "Escape") return
            event.stopPropagation()
            setEditing(false)
          }}
        >
          <Writing
            label="Your note"
            action="Save"
            start={text}
            focus
            onSend={(changed) => {
              const done = comments.rewrite(thread, id, changed)
              if (done) setEditing(false)
              return false // the field goes, or keeps what it has
            }}
          />
        </div>
      ) : (
        <p dir="auto">{text}</p>
      )}
      {comments.mayEdit(id) && !editing && (
        <div className="note-tools">
          <button type="button" onClick={() => setEditing(true)}>
            Edit
          </button>
          <button type="button" onClick={() => comments.remove(thread, id)}>
            Delete
          </button>
        </div>
      )}
    </li>
  )
}
