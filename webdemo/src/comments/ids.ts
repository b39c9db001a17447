// Ids of threads and notes: they sort by the time at which they were made.

const timeDigits = 9
const form = new RegExp(`^[0-9a-z]{${timeDigits}}-[0-9a-z]+$`)

/** How far the clock of an honest author may go ahead of this one's, ms. */
const ahead = 24 * 3600 * 1000

/**
 * Returns an id that sorts by time, and behind `newest`: an answer comes after what it answers, whatever the clocks say.
 */
export function idAfter(newest = ""): string {
  const time = Math.max(Date.now(), timeOf(newest) + 1)
  const random = crypto.getRandomValues(new Uint32Array(2)).reduce((text, n) => text + n.toString(36), "")
  return `${time.toString(36).padStart(timeDigits, "0")}-${random}`
}

/** The order of ids. Those that nobody of ours would have made come first, where they push nothing new aside. */
export function inOrder(a: string, b: string): number {
  return timeOf(a) - timeOf(b) || (a < b ? -1 : 1)
}

function timeOf(id: string): number {
  const time = form.test(id) ? Number.parseInt(id.slice(0, timeDigits), 36) : 0
  return time < Date.now() + ahead ? time : 0
}
