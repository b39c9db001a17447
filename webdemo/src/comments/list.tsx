import { useEffect, useRef } from "react"
import { beginningOf } from "../look/beginning.ts"
import { AddIcon, CloseIcon } from "../look/icons.tsx"
import { initials } from "../people/bar.tsx"
import { type Comments, isNarrow, useView } from "./comments.ts"
import { focusCanvas } from "./pins.tsx"
import type { Thread } from "./threads.ts"
import { Ago } from "./time.tsx"
import "./list.css"

/** All threads: at the right, or on a phone at the bottom. */
export function ThreadList({ comments }: { comments: Comments }) {
  const { list } = useView(comments)
  return list ? <Panel comments={comments} list={list} /> : null
}

function Panel({ comments, list }: { comments: Comments; list: "open" | "resolved" }) {
  const { threads, unread, open, writable } = useView(comments)
  const panel = useRef<HTMLElement>(null)
  useEffect(() => panel.current?.focus({ preventScroll: true }), [])
  const close = () => {
    comments.showList(undefined)
    focusCanvas()
  }
  const resolved = threads.filter((thread) => thread.resolved)
  const shown = list === "resolved" ? resolved : threads.filter((thread) => !thread.resolved)
  const counts = { open: threads.length - resolved.length, resolved: resolved.length }
  return (
    <aside
      ref={panel}
      className="threads"
      aria-label="Comments"
      tabIndex={-1}
      // Keys are not for the canvas behind.
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key === "Escape") close()
      }}
      onKeyUp={(event) => event.stopPropagation()}
    >
      <div className="threads-head">
        <h2>Comments</h2>
        {writable && (
          <button
            type="button"
            aria-label="New comment"
            onClick={() => {
              if (isNarrow()) comments.showList(undefined)
              comments.place(true)
            }}
          >
            <AddIcon /> New
          </button>
        )}
        <button type="button" aria-label="Close the list" onClick={close}>
          <CloseIcon />
        </button>
      </div>
      <fieldset className="threads-which" aria-label="Which comments">
        {(["open", "resolved"] as const).map((which) => (
          <button
            key={which}
            type="button"
            aria-pressed={which === list}
            onClick={() => comments.showList(which)}
          >
            {which === "open" ? "Open" : "Resolved"} ({counts[which]})
          </button>
        ))}
      </fieldset>
      {shown.length === 0 && (
        <p className="threads-none">
          {list === "resolved"
            ? "Nothing has been resolved yet."
            : writable
              ? "No open comments. Choose New, and click where you have something to say."
              : "No open comments."}
        </p>
      )}
      <ul>
        {ordered(shown, unread).map((thread) => (
          <Item
            key={thread.id}
            thread={thread}
            unread={unread.has(thread.id)}
            open={thread.id === open}
            onClick={() => comments.goTo(thread)}
          />
        ))}
      </ul>
    </aside>
  )
}

/** Unread threads first, and those in which something was said last before others. */
function ordered(threads: Thread[], unread: ReadonlySet<string>): Thread[] {
  const last = ({ notes }: Thread) => notes.at(-1)?.id ?? ""
  return [...threads].sort(
    (a, b) => Number(unread.has(b.id)) - Number(unread.has(a.id)) || (last(a) > last(b) ? -1 : 1),
  )
}

interface ItemProps {
  thread: Thread
  unread: boolean
  open: boolean
  onClick: () => void
}

function Item({ thread: { notes, count }, unread, open, onClick }: ItemProps) {
  const [first, last] = [notes[0], notes.at(-1)]
  if (!first) return null
  return (
    <li>
      <button type="button" className="threads-item" aria-current={open} onClick={onClick}>
        <span className="note-face" style={{ background: first.colour }} aria-hidden="true">
          {initials(first.name)}
        </span>
        <span className="threads-who">
          <b dir="auto">{first.name}</b>
          <Ago at={last?.at} />
          {unread && <i role="img" aria-label="unread" />}
        </span>
        <span className="threads-text" dir="auto">
          {beginningOf(first.text, 200)}
        </span>
        {count > 1 && (
          <span className="threads-more">{count === 2 ? "1 reply" : `${count - 1} replies`}</span>
        )}
      </button>
    </li>
  )
}
