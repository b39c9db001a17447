// A document's past as the relay has kept it: every op, who made it, and when.

import { BatonError, type Doc, type HttpError, type Snapshot, snapshots } from "@baton-relay/client"

/** One op of the log. What others wrote is in it as it came: it may be anything. */
export interface Moment {
  offset: number
  actor: string
  seq: number
  /** When the relay took it, Unix ms. */
  at: number
  /** Whose token it came with, where there are tokens. */
  by?: string
  /** Left out where it was erased. */
  payload?: unknown
}

export interface Log {
  epoch: string
  /** Oldest first. */
  moments: Moment[]
  /** The state before the first moment, where older ones were pruned: what a client stored of it, unless that is lost. */
  base?: { offset: number; state: Uint8Array | undefined } | undefined
}

export interface ReadOptions {
  /** Called with how much of it is here, from 0 to 1. */
  progress?: (part: number) => void
  signal?: AbortSignal
}

/** What the relay knows of a document. */
interface Info {
  epoch: string
  head: number
  first: number
  /** The newest state that is stored. */
  snapshot?: Snapshot
}

interface Page {
  ops: Moment[]
  next: number
  live: boolean
}

/** How many ops are asked for at once. */
const pageOps = 2000

/** How often a log may change under the reader before it gives up. */
const mostTries = 4

/**
 * Reads a document's log from its beginning to its head. A document that nobody has written to has an empty one. It
 * throws a BatonError with what the relay says of a refusal, and whatever fetch throws where the relay cannot be reached.
 */
export async function readLog(doc: Doc, options: ReadOptions = {}): Promise<Log> {
  if (isEmpty(doc)) return { epoch: "", moments: [] }
  for (let tries = 1; ; tries++) {
    try {
      return await readOnce(doc, options)
    } catch (error) {
      // It was pruned, or begun anew, just now: from the start again, wherever that is.
      const changed = error instanceof BatonError && (error.code === "pruned" || error.code === "epoch")
      if (!changed || tries === mostTries) throw error
    }
  }
}

/** Whether it is known that nobody has written to a document. Relays say of such that there is none. */
function isEmpty({ status: { state }, place }: Doc): boolean {
  return (state === "live" || state === "read-only") && place.offset === 0
}

async function readOnce(doc: Doc, { progress, signal }: ReadOptions): Promise<Log> {
  const info: Info = await get(doc, "", signal)
  const log: Log = { epoch: info.epoch, moments: [] }
  if (info.first > 1) log.base = await baseOf(doc, info)
  const start = log.base?.offset ?? 0
  for (let after = start, live = false; !live; ) {
    const epoch = encodeURIComponent(info.epoch)
    const page: Page = await get(doc, `/ops?after=${after}&limit=${pageOps}&epoch=${epoch}`, signal)
    for (const op of page.ops) log.moments.push(op)
    after = page.next
    live = page.live
    progress?.(live ? 1 : Math.min(1, (after - start) / (info.head - start)))
  }
  return log
}

/** Fetches the state that stands in for what was pruned: the one right before the oldest op, if it is still there. */
async function baseOf(doc: Doc, { first, snapshot }: Info): Promise<NonNullable<Log["base"]>> {
  const { fetch } = snapshots(() => {})
  for (const offset of new Set([first - 1, snapshot?.offset ?? 0])) {
    try {
      const at: Snapshot =
        offset === snapshot?.offset ? snapshot : await get(doc, `/snapshots/${offset}/meta`, undefined)
      return { offset, state: (await fetch(doc.connection, at)).blob }
    } catch {
      // Another one, or the moments that are left say at least something.
    }
  }
  return { offset: first - 1, state: undefined }
}

/** Asks for something of a document. */
async function get<T>(doc: Doc, what: string, signal: AbortSignal | undefined): Promise<T> {
  const response = await doc.connection.http(`/v1/docs/${doc.name}${what}`, signal ? { signal } : {})
  if (response.ok) return response.json()
  const said: Partial<HttpError> = await response.json().catch(() => ({})) // not all that stands between speaks JSON
  throw new BatonError(said.code ?? "unavailable", said.message ?? `the relay answers ${response.status}`)
}
