// What the charts are drawn of: a sample for each answer of the relay, and rates out of two that follow one another.

import type { RelayStatus } from "@baton-relay/client"

/** How far back the charts look, ms. */
export const windowMs = 600_000

/** Two points that are further apart than this, in ms, are not joined by a line. */
export const gapMs = 9000

/** What is undefined is not known: of the first answer of a relay, no rate is. */
export interface Sample {
  /** By the page's own clock, ms. */
  at: number
  participants: number
  sessions: number
  /** Of ops that became durable, frames and bytes that were sent, and ops that were refused: a second. */
  ops: number | undefined
  frames: number | undefined
  bytes: number | undefined
  rejects: number | undefined
  lag: number
  memory: number
  heap: number
  log: number | undefined
}

export class Samples {
  readonly list: Sample[] = []
  #last: RelayStatus | undefined

  /** How far back the charts go at a time of the page's clock, in ms: whole minutes, as far as anything is known. */
  span(now: number): number {
    const known = now - (this.list[0]?.at ?? now)
    return Math.min(windowMs, Math.max(60_000, Math.ceil(known / 60_000) * 60_000))
  }

  /** Adds an answer that came at a time of the page's clock. */
  add(status: RelayStatus, at: number): void {
    const last = this.#last?.started === status.started ? this.#last : undefined
    this.#last = status
    const seconds = last ? (status.at - last.at) / 1000 : 0
    const rate = (total: (s: RelayStatus) => number) =>
      last && seconds > 0 ? Math.max(0, total(status) - total(last)) / seconds : undefined
    this.list.push({
      at,
      participants: status.participants,
      sessions: status.sessions,
      ops: rate((s) => s.totals.ops),
      frames: rate((s) => s.totals.frames_out),
      bytes: rate((s) => s.totals.bytes_out),
      rejects: rate((s) => rejects(s)),
      lag: status.lag,
      memory: status.go.memory_bytes,
      heap: status.go.heap_bytes,
      log: status.log?.bytes,
    })
    const first = this.list.findIndex((sample) => sample.at > at - windowMs - gapMs)
    this.list.splice(0, first)
  }
}

/** A point of a line. Where its value is not known, the line is broken. */
export interface Point {
  at: number
  value: number | undefined
}

/**
 * The line through samples, with about as many points as one can tell apart over so many ms: each stands for the samples
 * of a stretch of time, with what they come to in the middle, or at most.
 */
export function line(
  samples: readonly Sample[],
  of: (sample: Sample) => number | undefined,
  ms: number,
  peaks: boolean,
): Point[] {
  const stretch = Math.max(1, Math.ceil(ms / 150_000)) * 1000
  const groups: Sample[][] = []
  let last: number | undefined
  for (const sample of samples) {
    const group = Math.floor(sample.at / stretch)
    if (group === last) groups.at(-1)?.push(sample)
    else groups.push([sample])
    last = group
  }
  return groups.map((group) => {
    const values = group.map(of).filter((value) => value !== undefined)
    const at = group.at(-1)?.at ?? 0
    if (values.length === 0) return { at, value: undefined }
    if (peaks) return { at, value: Math.max(...values) }
    return { at, value: values.reduce((sum, value) => sum + value, 0) / values.length }
  })
}

/** How many ops were refused since the start. */
export function rejects({ totals }: RelayStatus): number {
  return Object.values(totals.rejects).reduce((sum, n) => sum + n, 0)
}
