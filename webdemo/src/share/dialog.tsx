// How others come in: the link to a document, as text and as a QR code.

import { useEffect, useId, useRef, useState } from "react"
import { linkOf, type Place, pathOf, token } from "../link/link.ts"
import { ShareIcon } from "../look/icons.tsx"
import { useOrigins } from "./addresses.ts"
import { CopyButton } from "./copy.tsx"
import { OnlyHere } from "./onlyhere.tsx"
import { QrCode } from "./qr.tsx"
import "./dialog.css"

/** A button that opens the dialog. */
export function ShareButton({ place }: { place: Place }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button
        type="button"
        className="share-button"
        aria-label="Share"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <ShareIcon />
        <span>Share</span>
      </button>
      {open && <ShareDialog place={place} close={() => setOpen(false)} />}
    </>
  )
}

interface ShareDialogProps {
  place: Place
  close: () => void
}

/** Shown as long as it is there; it asks to be closed by Escape, by its button, and by a click beside it. */
export function ShareDialog({ place, close }: ShareDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  useEffect(() => {
    dialog.current?.showModal()
    dialog.current?.querySelector("input")?.focus()
  }, [])
  return (
    <dialog
      ref={dialog}
      className="share"
      aria-labelledby={title}
      onClose={close}
      onPointerDown={(event) => event.target === dialog.current && dialog.current.close()}
      // Keys and copying are not for the canvas behind.
      onKeyDown={(event) => event.stopPropagation()}
      onCopy={(event) => event.stopPropagation()}
    >
      <div className="share-page">
        <div className="share-head">
          <h2 id={title}>Share this {place.kind}</h2>
          <button
            type="button"
            className="share-close"
            aria-label="Close"
            onClick={() => dialog.current?.close()}
          >
            ×
          </button>
        </div>
        <Sharing place={place} />
      </div>
    </dialog>
  )
}

function Sharing({ place }: { place: Place }) {
  const origins = useOrigins()
  const [chosen, choose] = useState<string>()
  const [ours] = useState(token)
  const [included, include] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const origin = chosen ?? origins?.[0]
  const link = linkOf(place, origin ?? location.origin, included ? ours : undefined)
  return (
    <>
      <p>{ours === undefined ? "Whoever has the link can come in and take part." : needsToken}</p>
      <div className="share-link">
        <input
          ref={field}
          readOnly
          value={link}
          aria-label="Link"
          onFocus={(event) => event.target.select()}
        />
        <CopyButton text={link} field={field} />
      </div>
      {ours !== undefined && (
        <label className="share-access">
          <input type="checkbox" checked={included} onChange={(event) => include(event.target.checked)} />
          <span>
            Include my access
            <small>Whoever has that link can do here what you can, in your name.</small>
          </span>
        </label>
      )}
      {origins && origins.length > 1 && (
        <label className="share-origins">
          This machine has several addresses. Take the one that the others can reach:
          <select value={origin} onChange={(event) => choose(event.target.value)}>
            {origins.map((address) => (
              <option key={address}>{address}</option>
            ))}
          </select>
        </label>
      )}
      {origin !== undefined && <QrCode text={link} label={`QR code of ${link}`} />}
      {origins?.length === 0 && <OnlyHere withTokens={ours !== undefined} />}
      {place.kind === "board" && self === top && (
        <p className="share-split">
          Nobody else there? <a href={pathOf(place, "split")}>Try it alone: two boards side by side</a>
        </p>
      )}
    </>
  )
}

const needsToken =
  "Others need a link with a token of their own: this one lets in only those who have a token already."
