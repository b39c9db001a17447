// The difference of two texts, as few edits as is worth the search: by lines, and within what changed by characters.

/** An edit of the old text: what lies between `from` and `to` is replaced. As CodeMirror takes it. */
export interface Edit {
  from: number
  to: number
  insert: string
}

/** So many lines may differ before the rest is taken as one edit: the search costs its square. */
const mostLines = 1000

/** Returns the edits that make `now` of `was`, in order, none touching another. None cuts a character in two. */
export function edits(was: string, now: string): Edit[] {
  const whole = trim({ from: 0, to: was.length, insert: now }, was)
  if (!whole) return []
  const a = lines(was.slice(whole.from, whole.to))
  const b = lines(whole.insert)
  const found: Edit[] = []
  let from = whole.from
  let [i, j] = [0, 0]
  for (const [x, y, length] of [...common(a, b), [a.length, b.length, 0] as const]) {
    const removed = a.slice(i, x).join("")
    const edit = trim({ from, to: from + removed.length, insert: b.slice(j, y).join("") }, was)
    if (edit) found.push(edit)
    const kept = a.slice(x, x + length).join("")
    from += removed.length + kept.length
    i = x + length
    j = y + length
  }
  return found
}

/** With their ends. */
function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

/** Leaves out of an edit what is the same at both ends; undefined if that is all. */
function trim({ from, to, insert }: Edit, was: string): Edit | undefined {
  const removed = was.slice(from, to)
  if (removed === insert) return undefined
  const most = Math.min(removed.length, insert.length)
  let start = 0
  while (start < most && removed[start] === insert[start]) start++
  if (start > 0 && isHigh(removed.charCodeAt(start - 1))) start--
  let end = 0
  while (end < most - start && removed.at(-1 - end) === insert.at(-1 - end)) end++
  if (end > 0 && isLow(removed.charCodeAt(removed.length - end))) end--
  return { from: from + start, to: to - end, insert: insert.slice(start, insert.length - end) }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

/**
 * Returns the longest runs that both have, in order, as [where in a, where in b, how many]: Myers' greedy search. If
 * more than {@link mostLines} differ there are none.
 */
function common(a: string[], b: string[]): [number, number, number][] {
  const size = Math.min(a.length + b.length, mostLines)
  const reach = new Int32Array(2 * size + 3) // how far in a, by diagonal
  const at = (k: number) => k + size + 1
  const steps: Int32Array[] = []
  for (let d = 0; d <= size; d++) {
    steps.push(reach.slice(at(-d - 1), at(d + 1) + 1))
    for (let k = -d; k <= d; k += 2) {
      let x = down(reach[at(k - 1)] as number, reach[at(k + 1)] as number, k, d)
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach[at(k)] = x
      if (x >= a.length && x - k >= b.length) return walkBack(steps, a.length, b.length)
    }
  }
  return []
}

/** Where diagonal k begins after a step from one of its neighbours: a line is taken out of a, or put in from b. */
function down(left: number, right: number, k: number, d: number): number {
  if (d === 0) return 0
  return k === -d || (k !== d && left < right) ? right : left + 1
}

function walkBack(steps: Int32Array[], endA: number, endB: number): [number, number, number][] {
  const runs: [number, number, number][] = []
  let [x, y] = [endA, endB]
  for (let d = steps.length - 1; d >= 0; d--) {
    const reach = steps[d] as Int32Array // from diagonal -d-1 on
    const k = x - y
    const left = reach[k - 1 + d + 1] as number
    const right = reach[k + 1 + d + 1] as number
    const begin = down(left, right, k, d)
    if (x > begin) runs.push([begin, begin - k, x - begin])
    const inserted = d > 0 && (k === -d || (k !== d && left < right))
    x = d === 0 ? 0 : inserted ? begin : begin - 1
    y = d === 0 ? 0 : x - (inserted ? k + 1 : k - 1)
  }
  return runs.reverse()
}
