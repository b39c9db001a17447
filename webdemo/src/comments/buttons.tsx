import { useEffect } from "react"
import { AddIcon, ListIcon } from "../look/icons.tsx"
import { type Comments, useView } from "./comments.ts"
import "./buttons.css"

/** In the header: a button to pin a comment, which the key C does too, and one for the list of all. */
export function CommentButtons({ comments }: { comments: Comments }) {
  const { threads, unread, placing, list, writable } = useView(comments)
  const news = threads.filter(({ id, resolved }) => unread.has(id) && !resolved).length
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key !== "c" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
      if (isBusy(event.target as Element)) return
      event.preventDefault()
      comments.place(true)
    }
    addEventListener("keydown", key)
    return () => removeEventListener("keydown", key)
  }, [comments])
  return (
    <div className="commentbuttons">
      {writable && (
        <button
          type="button"
          className="header-tool commentbuttons-add"
          title="Comment (C)"
          aria-label="Comment"
          aria-keyshortcuts="c"
          aria-pressed={placing}
          onClick={() => comments.place(!placing)}
        >
          <AddIcon />
        </button>
      )}
      <button
        type="button"
        className="header-tool"
        title="All comments"
        aria-label={news > 0 ? `All comments, ${news} unread` : "All comments"}
        aria-expanded={list !== undefined}
        onClick={() => comments.showList(list ? undefined : "open")}
      >
        <ListIcon />
        {news > 0 && <b aria-hidden="true">{news > 99 ? "99+" : news}</b>}
      </button>
    </div>
  )
}

/** Whether a key is for something else: a field, or a dialog of Excalidraw that lies over all. */
function isBusy(target: Element): boolean {
  return (
    target.closest?.("input, textarea, select, [contenteditable]") != null ||
    document.querySelector(".excalidraw .Modal, .excalidraw .excalidraw-wysiwyg") != null
  )
}
