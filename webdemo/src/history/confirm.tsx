import { useEffect, useId, useRef } from "react"

interface ConfirmProps {
  when: string
  close: (sure: boolean) => void
}

/** Asks whether a moment is to be brought back. */
export function Confirm({ when, close }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      className="history-confirm"
      aria-labelledby={title}
      onClose={() => close(dialog.current?.returnValue === "sure")}
    >
      <h2 id={title}>Bring this back?</h2>
      <p>Everybody will see it as it was: {when}. Nothing is lost: what is there now stays in the history.</p>
      <div>
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" className="history-sure" onClick={() => dialog.current?.close("sure")}>
          Restore
        </button>
      </div>
    </dialog>
  )
}
