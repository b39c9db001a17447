import { toVector, type Vector } from "./clock.ts"
import type { Connection } from "./connection.ts"
import type { Doc } from "./doc.ts"
import { BatonError } from "./errors.ts"
import type { HttpError, Snapshot, SnapshotMeta } from "./frames.ts"
import { sha256Hex } from "./sha256.ts"

/** How a document takes stored states: see {@link snapshots}. */
export interface SnapshotLoader {
  fetch(connection: Connection, at: Snapshot): Promise<{ blob: Uint8Array; clock: Vector }>
  /** The newest state before one that does not load; undefined where ops behind it are gone, or there is none. */
  older(connection: Connection, doc: string, than: Snapshot): Promise<Snapshot | undefined>
  load(blob: Uint8Array, format: string): void
}

/**
 * Lets a document take stored states in place of the ops that they stand for: pass it to
 * {@link JoinOptions.snapshots}. `load` adds such a state to what the application has; ops that follow come after it.
 * If it throws, it must have added nothing: then an older state comes, or all ops. Where the relay has neither any more,
 * the document is `refused`.
 */
export function snapshots(load: (blob: Uint8Array, format: string) => void): SnapshotLoader {
  return { load, fetch: fetchSnapshot, older: olderSnapshot }
}

/** Fetches a stored state and the clock of its ops. The bytes are those that were stored, or it is an error. */
async function fetchSnapshot(
  connection: Connection,
  at: Snapshot,
): Promise<{ blob: Uint8Array; clock: Vector }> {
  const [meta, blob] = await Promise.all([
    request(connection, `${at.url}/meta`).then((r) => r.json() as Promise<SnapshotMeta>),
    request(connection, at.url).then((r) => r.arrayBuffer()),
  ])
  const bytes = new Uint8Array(blob)
  if (sha256Hex(bytes) !== at.sha256) {
    throw new BatonError(
      "damaged",
      `the ${bytes.length} bytes that came are not the snapshot that was stored`,
    )
  }
  return { blob: bytes, clock: toVector(meta.clock) }
}

async function olderSnapshot(
  connection: Connection,
  doc: string,
  { offset }: Snapshot,
): Promise<Snapshot | undefined> {
  if (offset === 1) return undefined
  try {
    const { first } = (await (await request(connection, `/v1/docs/${doc}`)).json()) as { first: number }
    const meta = await request(connection, `/v1/docs/${doc}/snapshots/${offset - 1}/meta?nearest=true`)
    const older = (await meta.json()) as SnapshotMeta
    return older.offset + 1 >= first ? older : undefined
  } catch (error) {
    if (error instanceof BatonError && error.code === "not_found") return undefined
    throw error
  }
}

/** Asks the relay for a path of its own. It throws what the relay says of a refusal. */
async function request(connection: Connection, path: string, init?: RequestInit): Promise<Response> {
  const response = await connection.http(path, init)
  if (response.ok) return response
  const said: Partial<HttpError> = await response.json().catch(() => ({})) // not all that stands between speaks JSON
  throw new BatonError(said.code ?? "unavailable", said.message ?? `the relay answers ${response.status}`)
}

/** What a stored state is: of which format, and made by which program, with its version (printable ASCII, at most 64). */
export interface SnapshotKind {
  format: string
  maker?: string
}

/**
 * Stores a document's state at the relay, so that who comes later need not read all ops. The state must hold exactly
 * the ops so far: so `save` is called only while the document is live, with nothing unsaved and nothing given that the
 * application has not dealt with, and the answer is false otherwise. It needs the right `compact`.
 */
export async function storeSnapshot(
  doc: Doc,
  as: string | SnapshotKind,
  save: () => Uint8Array,
): Promise<boolean> {
  const { format, maker }: SnapshotKind = typeof as === "string" ? { format: as } : as
  const offset = doc.settledAt
  if (!offset) return false
  const blob = save()
  if (doc.settledAt !== offset) return false // to save it showed that it is not all here
  await request(doc.connection, `/v1/docs/${doc.name}/snapshots/${offset}`, {
    method: "PUT",
    headers: {
      "Content-Type": "application/octet-stream",
      "Baton-Format": format,
      "Baton-Sha256": sha256Hex(blob),
      ...(maker && { "Baton-Maker": maker }),
    },
    body: blob as Uint8Array<ArrayBuffer>,
  })
  return true
}
