// Numbers as one reads them at a glance. All are written the same way everywhere, so that they stand still as they change.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })
const fine = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** A count, such as 48,211. */
export function count(n: number): string {
  return plain.format(n)
}

/** How many a second: one decimal where that says something. */
export function rate(n: number): string {
  return n === 0 || n >= 99.95 ? plain.format(n) : n < 0.05 ? "< 0.1" : fine.format(n)
}

const units = ["B", "kB", "MB", "GB", "TB"]

/** Bytes with three figures and a unit, such as 33.6 MB. */
export function bytes(n: number): string {
  let unit = 0
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000
    unit++
  }
  return `${unit > 0 && n < 99.95 ? fine.format(n) : plain.format(n)} ${units[unit]}`
}

/** How long, in its two largest units, such as 3 d 4 h. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ]
  const first = Math.min(
    parts.findIndex(([n]) => n > 0),
    parts.length - 1,
  )
  return parts
    .slice(first < 0 ? -1 : first)
    .slice(0, 2)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ")
}

/** The time of day, such as 14:03:22. */
export function clock(at: Date): string {
  return at.toLocaleTimeString("en-GB")
}
