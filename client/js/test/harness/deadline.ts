import { setTimeout as sleep } from "node:timers/promises"

type Truthy<T> = Exclude<T, false | null | undefined | 0 | "">

/**
 * Polls condition until it gives something truthy, and returns that. A condition
 * that throws does not hold yet.
 *
 * Throws after timeout (milliseconds), saying what was waited for; the cause is
 * what the condition threw last.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeout = 10_000 }: { timeout?: number } = {},
): Promise<Truthy<T>> {
  const over = new AbortController()
  const late = sleep(timeout, "late" as const, { signal: over.signal }).catch(() => "late" as const)
  let cause: unknown
  try {
    for (;;) {
      // One that hangs is late as well.
      const got = await Promise.race([attempt(condition), late])
      if (got === "late") break
      if (got.value) return got.value as Truthy<T>
      cause = got.thrown ?? cause
      if ((await Promise.race([sleep(10), late])) === "late") break
    }
  } finally {
    over.abort()
  }
  const why = cause === undefined ? "" : `; last: ${cause instanceof Error ? cause.message : cause}`
  throw new Error(`waited ${timeout} ms in vain until ${what}${why}`, { cause })
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value?: T; thrown?: unknown }> {
  try {
    return { value: await condition() }
  } catch (thrown) {
    return { thrown }
  }
}
