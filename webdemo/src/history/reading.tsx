// Stands in the slider's place while the history comes, and says it if it does not.

import { BatonError, type Doc } from "@baton-relay/client"
import { useEffect, useState } from "react"
import { type Log, type ReadOptions, readLog } from "./log.ts"
import "./slider.css"

/** A document's history, on its way: what the page has made of it, or why there is none. */
export interface Reading<T> {
  ready?: T
  /** From 0 to 1. */
  part: number
  error?: string
  again: () => void
}

/**
 * Reads a document's log, and makes of it what the page needs to show a moment. `prepare` is one function for all
 * renders; it may take its time, and throws if the signal says so.
 */
export function useReading<T>(doc: Doc, prepare: (log: Log, options: ReadOptions) => Promise<T>): Reading<T> {
  const [tries, setTries] = useState(0)
  const [state, setState] = useState<Omit<Reading<T>, "again">>({ part: 0 })
  useEffect(() => {
    const ended = new AbortController()
    const { signal } = ended
    const half = (from: number) => (part: number) => signal.aborted || setState({ part: from + part / 2 })
    const read = async () => {
      const log = await readLog(doc, { signal, progress: half(0) })
      const ready = await prepare(log, { signal, progress: half(0.5) })
      if (!signal.aborted) setState({ part: 1, ready })
    }
    setState({ part: 0 })
    read().catch((error) => {
      if (!signal.aborted) setState({ part: 0, error: reasonOf(error) })
    })
    return () => ended.abort()
  }, [doc, prepare, tries]) // another try reads it again
  return { ...state, again: () => setTries(tries + 1) }
}

function reasonOf(error: unknown): string {
  if (error instanceof BatonError) return `The history cannot be read: ${error.message}.`
  if (error instanceof TypeError) return "The history is at the relay, which cannot be reached now."
  return `The history cannot be shown: ${error instanceof Error ? error.message : error}.`
}

interface ReadingBarProps {
  reading: Reading<unknown>
  close: () => void
}

export function ReadingBar({ reading: { part, error, again }, close }: ReadingBarProps) {
  return (
    <section className="history" aria-label="History">
      <div className="history-row">
        {error === undefined ? (
          <label className="history-reading">
            Reading the history
            <progress value={part} />
          </label>
        ) : (
          <p className="history-moment" role="alert">
            {error}
          </p>
        )}
        {error !== undefined && (
          <button type="button" onClick={again}>
            Try again
          </button>
        )}
        {/* biome-ignore lint/a11y/noAutofocus: the button that was pressed to come here is out of use now */}
        <button type="button" className="history-now" autoFocus onClick={close}>
          Back to now
        </button>
      </div>
    </section>
  )
}
