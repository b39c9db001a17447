// Time as history shows and plays it: as it passed, but for pauses, which are shortened, and for moments so close
// together that nobody could tell them apart.

import type { Moment } from "./log.ts"

/** How long a pause is at most, and how long a moment is at least, ms. */
const longest = 1500
const shortest = 20

/** How long nothing is there at first, ms. */
const lead = 250

/** Where the moments are in time. An index says how many have happened: from 0 to as many as there are. */
export class Timeline {
  /** By index, ms. */
  #places: Float64Array

  constructor(moments: readonly Moment[]) {
    this.#places = new Float64Array(moments.length + 1)
    let before: Moment | undefined
    let place = 0
    for (const [i, moment] of moments.entries()) {
      const passed = before ? moment.at - before.at : lead
      place += Math.min(longest, Math.max(shortest, passed))
      this.#places[i + 1] = place
      before = moment
    }
  }

  /** The last index. */
  get end(): number {
    return this.#places.length - 1
  }

  /** How long all of it is, ms. */
  get length(): number {
    return this.placeOf(this.end)
  }

  /** Where the state after so many moments begins, ms. */
  placeOf(index: number): number {
    return this.#places[index] ?? 0
  }

  /** How many moments have happened at a place, ms. */
  indexAt(place: number): number {
    let low = 0
    let high = this.end
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.placeOf(middle) <= place) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** How much was done in a stretch of time, and by whom: moments by colour. */
export type Bar = Map<string, number>

/** Cuts the time in equal stretches. */
export function barsOf(
  moments: readonly Moment[],
  timeline: Timeline,
  count: number,
  colourOf: (moment: Moment) => string,
): Bar[] {
  const bars: Bar[] = Array.from({ length: count }, () => new Map())
  for (const [i, moment] of moments.entries()) {
    const place = timeline.placeOf(i + 1) / timeline.length
    const bar = bars[Math.min(count - 1, Math.floor(place * count))] as Bar
    const colour = colourOf(moment)
    bar.set(colour, (bar.get(colour) ?? 0) + 1)
  }
  return bars
}

/** Times the speed of life. */
export const speeds = [1, 4, 16, 64, 256]

/** How long one watches at most without choosing a speed, ms. */
const patience = 20_000

/** The slowest speed at which all of it is seen in a short while. */
export function speedFor({ length }: Timeline): number {
  return speeds.find((speed) => length / speed <= patience) ?? (speeds.at(-1) as number)
}
