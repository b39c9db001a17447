// The bar under a document's past: goes to any moment, plays them all, and brings one back.

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react"
import { Activity } from "./activity.tsx"
import { authorOf, type People } from "./authors.ts"
import { Confirm } from "./confirm.tsx"
import type { Log } from "./log.ts"
import { speedFor, speeds, Timeline } from "./timeline.ts"
import "./slider.css"

interface HistoryProps {
  log: Log
  /** Who is who, by actor, as the document has it. */
  people: People
  /**
   * Renders the document as it was after so many moments of the log, from 0 to all. It is called at most once a frame,
   * and the last call is always for what the person wants to see.
   */
  show: (index: number) => void
  /** Makes the document what it was after so many moments. Left out: this person may not. */
  restore?: ((index: number) => void) | undefined
  /** Goes back to the present. */
  close: () => void
}

export function History({ log, people, show, restore, close }: HistoryProps) {
  const { moments } = log
  const timeline = useMemo(() => new Timeline(moments), [moments])
  const [index, setIndex] = useState(timeline.end)
  const [asking, ask] = useState(false)
  const player = usePlayer(timeline, index, setIndex)
  const slider = useRef<HTMLInputElement>(null)
  useFrames(index, show)
  useEffect(() => slider.current?.focus(), [])

  const go = (to: number) => {
    player.pause()
    setIndex(Math.max(0, Math.min(timeline.end, to)))
  }
  const moment = index > 0 ? moments[index - 1] : undefined
  const author = moment && authorOf(moment, people)
  const when = moment ? timeOf(moment.at) : beginningOf(log)
  return (
    <section
      className="history"
      aria-label="History"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !asking) close()
      }}
    >
      <div className="history-track">
        <Activity log={log} people={people} timeline={timeline} place={timeline.placeOf(index)} />
        <input
          ref={slider}
          type="range"
          aria-label="Moment"
          aria-valuetext={author ? `${when}, ${author.name}` : when}
          min={0}
          max={Math.max(1, timeline.length)}
          step="any"
          value={timeline.placeOf(index)}
          disabled={timeline.end === 0}
          onChange={(event) => go(timeline.indexAt(Number(event.target.value)))}
          onKeyDown={(event) => {
            const to = target(event, index, timeline.end)
            if (to === undefined) return
            event.preventDefault() // its own steps are of time, not of moments
            go(to)
          }}
        />
      </div>
      <div className="history-row">
        <button
          type="button"
          className="history-play"
          aria-label={player.playing ? "Pause" : "Play"}
          disabled={timeline.end === 0}
          onClick={player.playing ? player.pause : player.play}
        >
          {player.playing ? pauseIcon : playIcon}
        </button>
        <label className="history-speed">
          <span>Speed</span>
          <select
            aria-label="Speed"
            value={player.speed}
            onChange={(event) => player.setSpeed(Number(event.target.value))}
          >
            {speeds.map((speed) => (
              <option key={speed} value={speed}>
                {speed}×
              </option>
            ))}
          </select>
        </label>
        <p className="history-moment" data-testid="moment">
          {author && <i style={{ background: author.colour }} aria-hidden="true" />}
          {author && <strong>{author.name}</strong>}
          <span>{when}</span>
          <small>
            {index} of {timeline.end}
          </small>
        </p>
        {restore && (
          <button type="button" disabled={index === timeline.end} onClick={() => ask(true)}>
            Restore this
          </button>
        )}
        <button type="button" className="history-now" onClick={close}>
          Back to now
        </button>
      </div>
      {log.base && <p className="history-pruned">{prunedNote(log)}</p>}
      {asking && restore && (
        <Confirm
          when={when}
          close={(sure) => {
            ask(false)
            if (!sure) return
            restore(index)
            close()
          }}
        />
      )}
    </section>
  )
}

/** Where a key goes from a moment; undefined for keys that go nowhere. */
function target({ key }: KeyboardEvent, index: number, end: number): number | undefined {
  const far = Math.max(1, Math.round(end / 20))
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return index - 1
    case "ArrowRight":
    case "ArrowUp":
      return index + 1
    case "PageDown":
      return index - far
    case "PageUp":
      return index + far
    case "Home":
      return 0
    case "End":
      return end
  }
  return undefined
}

/** Calls `show` with the newest index, once a frame at most. */
function useFrames(index: number, show: (index: number) => void): void {
  const wanted = useRef({ index, show, frame: 0 })
  useEffect(() => {
    const { current } = wanted
    current.index = index
    current.show = show
    current.frame ||= requestAnimationFrame(() => {
      current.frame = 0
      current.show(current.index)
    })
  }, [index, show])
  useEffect(() => {
    const { current } = wanted
    return () => {
      cancelAnimationFrame(current.frame)
      current.frame = 0
    }
  }, [])
}

/** Plays from where one is to the end, or from the start if that is the end. */
function usePlayer(timeline: Timeline, index: number, setIndex: (index: number) => void) {
  const [playing, setPlaying] = useState(false)
  const [speed, setSpeed] = useState(() => speedFor(timeline))
  const place = useRef(0)
  useEffect(() => {
    if (!playing) return
    let before = performance.now()
    let frame = requestAnimationFrame(function step(now) {
      place.current += Math.max(0, now - before) * speed
      before = now
      setIndex(timeline.indexAt(place.current))
      if (place.current >= timeline.length) setPlaying(false)
      else frame = requestAnimationFrame(step)
    })
    return () => cancelAnimationFrame(frame)
  }, [playing, speed, timeline, setIndex])
  return {
    playing,
    speed,
    setSpeed,
    pause: () => setPlaying(false),
    play: () => {
      place.current = index === timeline.end ? 0 : timeline.placeOf(index)
      setPlaying(true)
    },
  }
}

const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" })

function timeOf(at: number): string {
  return date.format(at)
}

function beginningOf({ base, moments }: Log): string {
  if (moments.length === 0 && !base) return "Nothing was written yet"
  return base ? "Where the history begins" : "The start, before anything was written"
}

function prunedNote({ base, moments }: Log): string {
  const begins = moments[0] ? `it begins at ${timeOf(moments[0].at)}` : "there is none since"
  const lost = base?.state ? "" : " What was there before cannot be shown."
  return `Older moments were pruned: ${begins}.${lost}`
}

const playIcon = (
  <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
    <path d="M7 4.5v15l12.5-7.5z" fill="currentColor" />
  </svg>
)

const pauseIcon = (
  <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
    <path d="M6.5 4.5h4v15h-4zm7 0h4v15h-4z" fill="currentColor" />
  </svg>
)
