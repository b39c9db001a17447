import { type CSSProperties, useEffect, useRef } from "react"
import { at, Overlay } from "../board/overlay.tsx"
import { lookAt, onBoard, onScreen } from "../board/viewport.ts"
import { AddIcon } from "../look/icons.tsx"
import { initials } from "../people/bar.tsx"
import { type Comments, useView } from "./comments.ts"
import { useDrag } from "./drag.ts"
import type { Thread } from "./threads.ts"
import "./pins.css"

/** The pins over the canvas. */
export function Pins({ comments }: { comments: Comments }) {
  const { threads, unread, open, placing, list } = useView(comments)
  const shown = threads.filter(({ id, resolved }) => !resolved || list === "resolved" || id === open)
  const { api, company } = comments.desk
  return (
    <Overlay api={api}>
      {placing && <Placing comments={comments} />}
      {shown.map((thread) => (
        <Pin
          key={thread.id}
          comments={comments}
          thread={thread}
          open={thread.id === open}
          unread={unread.has(thread.id)}
        />
      ))}
      {typeof open === "object" && (
        <span
          className="pin pin-new overlay-at"
          style={{ ...at(open), "--colour": company.gathering.colour } as CSSProperties}
          aria-hidden="true"
        />
      )}
    </Overlay>
  )
}

interface PinProps {
  comments: Comments
  thread: Thread
  open: boolean
  unread: boolean
}

/** What these do on a pin is not for the canvas. */
const own = new Set(["Enter", " ", "Escape", "Delete", "Backspace"])

function Pin({ comments, thread, open, unread }: PinProps) {
  const { id, notes, count, resolved } = thread
  const { wasDragged, handlers } = useDrag(comments, thread)
  const { name = "", colour = "" } = notes[0] ?? {}
  const said = [
    `Comment by ${name}`,
    count === 1 ? "1 note" : `${count} notes`,
    ...(resolved ? ["resolved"] : []),
    ...(unread ? ["unread"] : []),
  ].join(", ")
  return (
    <button
      type="button"
      className={`pin overlay-at${open ? " pin-open" : ""}${resolved ? " pin-resolved" : ""}`}
      style={{ ...at(thread), "--colour": colour } as CSSProperties}
      aria-label={said}
      aria-haspopup="dialog"
      aria-expanded={open}
      data-thread={id}
      onClick={() => !wasDragged() && comments.open(open ? undefined : id)}
      onFocus={({ currentTarget }) => {
        if (currentTarget.matches(":focus-visible")) bringIn(comments, thread)
      }}
      {...handlers}
      onKeyDown={(event) => {
        if (own.has(event.key) || event.key.startsWith("Arrow")) event.stopPropagation()
        handlers.onKeyDown(event)
      }}
    >
      <span aria-hidden="true">{initials(name)}</span>
      {count > 1 && <b aria-hidden="true">{count > 99 ? "99+" : count}</b>}
      {unread && <i aria-hidden="true" />}
    </button>
  )
}

/** Moves the canvas so that a pin can be seen. */
function bringIn({ desk: { api } }: Comments, thread: Thread): void {
  const { width, height } = api.getAppState()
  const { x, y } = onScreen(api, thread)
  if (x < 0 || y < 40 || x > width - 40 || y > height) lookAt(api, thread)
}

/** Lies over the whole canvas until somebody says where a comment belongs. */
function Placing({ comments }: { comments: Comments }) {
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus({ preventScroll: true }), [])
  const { api } = comments.desk
  return (
    <button
      type="button"
      ref={button}
      className="placing"
      aria-label="Click where the comment belongs. Enter puts it in the middle, Escape leaves it."
      onClick={({ detail, clientX, clientY, currentTarget }) => {
        const { left, top, width, height } = currentTarget.getBoundingClientRect()
        const byKey = detail === 0
        const place = byKey ? { x: width / 2, y: height / 2 } : { x: clientX - left, y: clientY - top }
        comments.open(onBoard(api, place))
      }}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key !== "Escape") return
        comments.place(false)
        focusCanvas()
      }}
      onKeyUp={(event) => event.stopPropagation()}
      // The focus goes where somebody does something else; while it is in another window, it stays.
      onBlur={({ currentTarget }) => {
        if (document.activeElement !== currentTarget) comments.place(false)
      }}
    >
      <span aria-hidden="true">
        <AddIcon /> Click where the comment belongs
      </span>
    </button>
  )
}

/** Gives keys back to the canvas. */
export function focusCanvas(): void {
  document.querySelector<HTMLElement>(".canvas .excalidraw-container, .canvas .excalidraw")?.focus()
}
