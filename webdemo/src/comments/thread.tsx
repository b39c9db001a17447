import { Fragment, type RefObject, useEffect, useLayoutEffect, useRef } from "react"
import { onScreen } from "../board/viewport.ts"
import { CloseIcon, ReopenIcon, ResolveIcon } from "../look/icons.tsx"
import { type Comments, type Place, useView } from "./comments.ts"
import { NoteItem } from "./note.tsx"
import { focusCanvas } from "./pins.tsx"
import type { Thread } from "./threads.ts"
import { Writing } from "./writing.tsx"
import "./thread.css"

/** The thread that is open, beside its pin; on a phone at the bottom. */
export function OpenThread({ comments }: { comments: Comments }) {
  const { open, threads } = useView(comments)
  const thread = threads.find(({ id }) => id === open)
  const place = thread ?? (typeof open === "object" ? open : undefined)
  if (!place) return null
  return <ThreadDialog key={thread?.id ?? ""} comments={comments} thread={thread} place={place} />
}

interface ThreadDialogProps {
  comments: Comments
  /** Undefined: it has no note yet. */
  thread: Thread | undefined
  place: Place
}

function ThreadDialog({ comments, thread, place }: ThreadDialogProps) {
  const { writable } = useView(comments)
  const dialog = useRef<HTMLDivElement>(null)
  usePlace(dialog, comments, place)
  useAway(dialog, comments)
  // On a touch screen a field with the focus would put the keyboard over what there is to read.
  const toField = writable && (!thread || !matchMedia("(pointer: coarse)").matches)
  useEffect(() => {
    if (!toField) dialog.current?.focus({ preventScroll: true })
  }, [toField])
  const close = () => {
    comments.open(undefined)
    if (thread) document.querySelector<HTMLElement>(`.pin[data-thread="${CSS.escape(thread.id)}"]`)?.focus()
    else focusCanvas()
  }
  return (
    <div
      ref={dialog}
      className="thread"
      role="dialog"
      aria-label={thread ? `Comment by ${thread.notes[0]?.name}` : "New comment"}
      tabIndex={-1}
      // Keys are not for the canvas behind.
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key === "Escape") close()
      }}
      onKeyUp={(event) => event.stopPropagation()}
    >
      <div className="thread-head">
        <h2>{thread ? (thread.resolved ? "Resolved" : "Comment") : "New comment"}</h2>
        {thread && writable && (
          <button type="button" onClick={() => comments.resolve(thread.id, !thread.resolved)}>
            {thread.resolved ? <ReopenIcon /> : <ResolveIcon />}
            {thread.resolved ? "Reopen" : "Resolve"}
          </button>
        )}
        <button type="button" aria-label="Close" onClick={close}>
          <CloseIcon />
        </button>
      </div>
      {thread && <Notes comments={comments} thread={thread} />}
      {writable && (
        <Writing
          label={thread ? "Reply" : "Write a comment"}
          action="Send"
          start={comments.draftOf(thread?.id ?? "")}
          focus={toField}
          onChange={(text) => comments.setDraft(thread?.id ?? "", text)}
          onSend={(text) => comments.say(text)}
        />
      )}
    </div>
  )
}

function Notes({ comments, thread: { id, notes, count } }: { comments: Comments; thread: Thread }) {
  const list = useRef<HTMLOListElement>(null)
  useLayoutEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight })
  }, [count])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys are to do that too
    <ol ref={list} className="thread-notes" aria-label="Notes" tabIndex={0}>
      {notes.map((note, i) => (
        <Fragment key={note.id}>
          {i === 1 && count > notes.length && (
            <li className="thread-more">{count - notes.length} more notes</li>
          )}
          <NoteItem comments={comments} thread={id} note={note} />
        </Fragment>
      ))}
    </ol>
  )
}

/** How far the dialog stays from the edges, and from the place of its pin, in CSS pixels. */
const edge = 8
const beside = 48

/** Keeps the dialog beside its place on the board, and within the canvas. */
function usePlace(ref: RefObject<HTMLElement | null>, { desk: { api } }: Comments, { x, y }: Place): void {
  useLayoutEffect(() => {
    const node = ref.current as HTMLElement
    const room = node.offsetParent as HTMLElement
    const put = () => {
      const { clientWidth: width, clientHeight: height } = room
      const at = onScreen(api, { x, y })
      const right = at.x + beside
      const left = right + node.offsetWidth + edge <= width ? right : at.x - node.offsetWidth - edge
      node.style.setProperty("--left", `${within(left, width - node.offsetWidth)}px`)
      node.style.setProperty("--top", `${within(at.y - beside, height - node.offsetHeight)}px`)
    }
    put()
    const off = api.onScrollChange(put)
    const sizes = new ResizeObserver(put)
    sizes.observe(node)
    sizes.observe(room)
    return () => {
      off()
      sizes.disconnect()
    }
  }, [ref, api, x, y])
}

function within(at: number, most: number): number {
  return Math.max(edge, Math.min(at, most - edge))
}

/** Closes the thread when somebody presses the pointer elsewhere. What they have typed is kept. */
function useAway(ref: RefObject<HTMLElement | null>, comments: Comments): void {
  useEffect(() => {
    const away = ({ target }: PointerEvent) => {
      const inside = ref.current?.contains(target as Node)
      if (!inside && !(target as Element).closest?.(".pin, .threads")) comments.open(undefined)
    }
    addEventListener("pointerdown", away, { capture: true })
    return () => removeEventListener("pointerdown", away, { capture: true })
  }, [ref, comments])
}
