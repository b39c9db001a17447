import { useLayoutEffect, useRef, useState } from "react"
import { SendIcon } from "../look/icons.tsx"
import { textLength } from "./threads.ts"
import "./writing.css"

interface WritingProps {
  label: string
  /** What the button says. */
  action: string
  start: string
  focus: boolean
  onChange?: (text: string) => void
  /** Returns whether the text was taken. */
  onSend: (text: string) => boolean
}

/** A field for a note: Enter sends it, Shift and Enter make a new line. */
export function Writing({ label, action, start, focus, onChange, onSend }: WritingProps) {
  const [text, setText] = useState(start)
  const field = useRef<HTMLTextAreaElement>(null)
  const change = (text: string) => {
    setText(text)
    onChange?.(text)
  }
  const send = () => {
    if (text.trim() !== "" && onSend(text)) change("")
  }
  useLayoutEffect(() => {
    const node = field.current
    if (!focus || !node) return
    node.focus({ preventScroll: true })
    node.setSelectionRange(node.value.length, node.value.length)
  }, [focus])
  useLayoutEffect(() => {
    const node = field.current as HTMLTextAreaElement
    node.style.height = "auto"
    node.style.height = `${node.scrollHeight + 2}px`
  }, [text])
  return (
    <form
      className="writing"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={field}
        rows={1}
        value={text}
        maxLength={textLength}
        aria-label={label}
        placeholder={label}
        enterKeyHint="send"
        onChange={(event) => change(event.target.value)}
        onKeyDown={(event) => {
          // While a word is being composed, Enter chooses it.
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          send()
        }}
      />
      <button type="submit" aria-label={action} title={`${action} (Enter)`} disabled={text.trim() === ""}>
        <SendIcon />
      </button>
    </form>
  )
}
