const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" })

/** From how many seconds on a unit is used, and how many it has. */
const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
]

/** Says how long ago a time was, Unix ms, such as "2 hours ago". What is to come, by a clock that was wrong, is now. */
export function ago(at: number, now = Date.now()): string {
  const seconds = Math.max(0, now - at) / 1000
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? []
  return unit && size ? words.format(-Math.floor(seconds / size), unit) : "just now"
}
