import { type RefObject, useEffect, useState } from "react"

interface CopyButtonProps {
  text: string
  /** Where the text stands, for browsers that copy what is selected only. */
  field: RefObject<HTMLInputElement | null>
}

/** Copies a text, and says whether it did. */
export function CopyButton({ text, field }: CopyButtonProps) {
  const [said, setSaid] = useState<string>()
  useEffect(() => {
    if (!said) return
    const timer = setTimeout(setSaid, 3000, undefined)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <>
      <button
        type="button"
        className="share-copy"
        onClick={async () => setSaid((await copied(text, field.current)) ? "Copied" : "Press Ctrl+C")}
      >
        {said ?? "Copy link"}
      </button>
      <span className="sr-only" role="status">
        {said}
      </span>
    </>
  )
}

async function copied(text: string, field: HTMLInputElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // There is no clipboard for pages over http, or it was denied.
    field?.select()
    return document.execCommand("copy")
  }
}
