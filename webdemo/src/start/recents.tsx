import { useState, useSyncExternalStore } from "react"
import { pathOf } from "../link/link.ts"
import { forget, onRecent, type Recent, recent, remember } from "../recent/recent.ts"
import { ago } from "./ago.ts"
import "./recents.css"

/** The documents that one was in; nothing where there are none. */
export function Recents() {
  const list = useSyncExternalStore(onRecent, recent)
  const [gone, setGone] = useState<Recent>()
  return (
    <section className="recents" aria-labelledby="recents-title">
      <h2 id="recents-title" hidden={list.length === 0}>
        Where you were
      </h2>
      <p role="status">
        {gone && (
          <>
            {gone.title ?? gone.name} is off this list. Who has its link still comes in.{" "}
            <button
              type="button"
              onClick={() => {
                remember(gone)
                setGone(undefined)
              }}
            >
              Put it back
            </button>
          </>
        )}
      </p>
      <ul>
        {list.map((entry) => (
          <li key={pathOf(entry)}>
            <RecentLink entry={entry} />
            <button
              type="button"
              className="recents-forget"
              aria-label={`Forget ${entry.title ?? entry.name}`}
              title="Take it off this list"
              onClick={() => {
                forget(entry)
                setGone(entry)
              }}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

function RecentLink({ entry }: { entry: Recent }) {
  const { kind, title, name, at, thumbnail } = entry
  return (
    <a href={pathOf(entry)} title={name}>
      <span className={`recents-picture recents-${kind}`} aria-hidden="true">
        {thumbnail !== undefined && (kind === "board" ? <img src={thumbnail} alt="" /> : thumbnail)}
      </span>
      <strong>{title ?? name}</strong>
      <span className="recents-about">
        {kind === "board" ? "Board" : "Text"}, <time dateTime={new Date(at).toISOString()}>{ago(at)}</time>
      </span>
    </a>
  )
}
