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

interface Page {
  epoch: string
  first: number
  ops: Moment[]
  next: number
  live: boolean
}

/** The 410 of a log that is not what it was, or not all there. */
interface Gone {
  code: "pruned" | "epoch"
  epoch: string
  first: number
  snapshot?: Snapshot
}

/** How many ops are asked for at once. */
const pageOps = 2000

/** How often a log may change under the reader before it gives up. */
const mostTries = 4

/**
 * Reads a document's log from its beginning to its head. A document that nobody has written to has an empty one. It
 * throws a BatonError with what the relay says of a refusal, and whatever fetch throws where the relay cannot be reached.
 */
export async function readLog(doc: Doc, { progress, signal }: ReadOptions = {}): Promise<Log> {
  let gone: Gone | undefined
  for (let tries = 0; tries < mostTries; tries++) {
    const log: Log = { epoch: gone?.epoch ?? "", moments: [] }
    if (gone?.code === "pruned") log.base = await baseOf(doc, gone)
    gone = await readOps(doc, log, progress, signal)
    if (!gone) return log
    // It was pruned, or begun anew, just now: from the start again, wherever that is.
  }
  throw new BatonError("unavailable", "the history changes faster than it can be read")
}

/** Adds all moments to a log; returns why that cannot be. */
async function readOps(
  doc: Doc,
  log: Log,
  progress: ReadOptions["progress"],
  signal: AbortSignal | undefined,
): Promise<Gone | undefined> {
  const head = (await get<{ head: number }>(doc, "", signal))?.head ?? 0
  const start = log.base?.offset ?? 0
  for (let after = start, live = false; !live; ) {
    const epoch = log.epoch && `&epoch=${encodeURIComponent(log.epoch)}`
    const page = await get<Page | Gone>(doc, `/ops?after=${after}&limit=${pageOps}${epoch}`, signal)
    if (!page) return undefined // there is no such document
    if ("code" in page) return page
    log.epoch = page.epoch
    for (const op of page.ops) log.moments.push(op)
    after = page.next
    live = page.live
    progress?.(live || head <= start ? 1 : Math.min(1, (after - start) / (head - start)))
  }
  return undefined
}

/** Fetches the state that stands in for what was pruned. */
async function baseOf(doc: Doc, { first, snapshot }: Gone): Promise<Log["base"]> {
  try {
    if (snapshot) {
      const { blob } = await snapshots(() => {}).fetch(doc.connection, snapshot)
      return { offset: snapshot.offset, state: blob }
    }
  } catch {
    // The moments that are left say at least something.
  }
  return { offset: first - 1, state: undefined }
}

/** Asks for something of a document; undefined if there is no such document. */
async function get<T>(doc: Doc, what: string, signal: AbortSignal | undefined): Promise<T | undefined> {
  const response = await doc.connection.http(`/v1/docs/${doc.name}${what}`, signal ? { signal } : {})
  if (response.ok || response.status === 410) return response.json()
  if (response.status === 404) return undefined
  const said: Partial<HttpError> = await response.json().catch(() => ({})) // not all that stands between speaks JSON
  throw new BatonError(said.code ?? "unavailable", said.message ?? `the relay answers ${response.status}`)
}
