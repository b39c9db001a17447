import { useEffect, useState } from "react"

const units: [Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
]
const format = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" })

/** Says how long ago a time was, in Unix ms. A clock that goes ahead of this one's is taken for now. */
export function ago(at: number, now: number): string {
  const seconds = (now - at) / 1000
  for (const [unit, length] of units) {
    if (seconds >= length) return format.format(-Math.floor(seconds / length), unit)
  }
  return "now"
}

/** A time as one says it; all of it for whoever points at it. */
export function Ago({ at }: { at: number | undefined }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 20_000)
    return () => clearInterval(timer)
  }, [])
  if (at === undefined) return null
  const date = new Date(at)
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString()}>
      {ago(at, Math.max(now, Date.now()))}
    </time>
  )
}
