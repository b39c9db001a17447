// When how much was written, and by whom: a row of bars behind the slider.

import { memo, useMemo } from "react"
import { authorOf, type People } from "./authors.ts"
import type { Log } from "./log.ts"
import { barsOf, type Timeline } from "./timeline.ts"

/** How many bars there are, and how high the highest is. */
const count = 120
const height = 32

interface ActivityProps {
  log: Log
  people: People
  timeline: Timeline
  /** How far one has come, ms: what is beyond is paler. */
  place: number
}

export function Activity({ log, people, timeline, place }: ActivityProps) {
  const done = `${(100 * place) / (timeline.length || 1)}%`
  return (
    <div className="history-activity" aria-hidden="true">
      <Bars log={log} people={people} timeline={timeline} />
      <div className="history-ahead" style={{ left: done }} />
    </div>
  )
}

const Bars = memo(({ log: { moments }, people, timeline }: Omit<ActivityProps, "place">) => {
  const bars = useMemo(
    () => barsOf(moments, timeline, count, (moment) => authorOf(moment, people).colour),
    [moments, people, timeline],
  )
  const totals = bars.map((bar) => [...bar.values()].reduce((sum, n) => sum + n, 0))
  // The root shows that something was done beside where very much was.
  const most = Math.sqrt(Math.max(1, ...totals))
  return (
    <svg viewBox={`0 0 ${count} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {bars.map((bar, i) => {
        const scale = (height * Math.sqrt(totals[i] ?? 0)) / most / (totals[i] || 1)
        let y = height
        return [...bar].map(([colour, n]) => {
          y -= n * scale
          return (
            <rect key={`${i} ${colour}`} x={i + 0.1} y={y} width={0.8} height={n * scale} fill={colour} />
          )
        })
      })}
    </svg>
  )
})
