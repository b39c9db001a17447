/** A stream of random numbers that its seed repeats. */
export interface Random {
  readonly seed: number
  /** At least 0, less than 1. */
  float(): number
  /** An integer, at least 0 and less than limit, which is at most 2^32. */
  below(limit: number): number
  /** One of list, which is not empty. */
  pick<T>(list: readonly T[]): T
}

/**
 * Random numbers for test t, which prints their seed: of BATON_SEED if that is
 * set, else a new one.
 */
export function seeded(t: { diagnostic(message: string): void }): Random {
  const given = process.env.BATON_SEED
  const seed = given ? Number(given) >>> 0 : Math.floor(Math.random() * 2 ** 32)
  t.diagnostic(`BATON_SEED=${seed}`)
  return randomFrom(seed)
}

/** The random numbers of seed, an integer from 0 to 2^32-1. */
export function randomFrom(seed: number): Random {
  const float = mulberry32(seed)
  const below = (limit: number) => Math.floor(float() * limit)
  return { seed, float, below, pick: <T>(list: readonly T[]) => list[below(list.length)] as T }
}

function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}
