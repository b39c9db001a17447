// Generated from docs/protocol.schema.json by scripts/frames.ts.

/** What a client may send. */
export type ClientFrame =
  | JoinFrame
  | ClientOpsFrame
  | ClientPresenceFrame
  | ClientEventFrame
  | LeaveFrame
  | PingFrame
  | ClientAuthFrame

/** What a relay may send. */
export type ServerFrame =
  | WelcomeFrame
  | JoinedFrame
  | ServerOpsFrame
  | LiveFrame
  | AckFrame
  | RejectFrame
  | SnapshotNoticeFrame
  | ServerPresenceFrame
  | ServerEventFrame
  | PongFrame
  | LeftFrame
  | AccessFrame
  | ServerAuthFrame
  | CompactFrame
  | ErrorFrame
  | DrainingFrame

/** actor: the highest seq */
export type Clock = Record<string, number>

export type Right = "read" | "write" | "presence" | "compact" | "admin"

export type Rights = Right[]

export interface User {
  id?: string
  name?: string
}

/** What a participant shows. */
export type PresenceState = Record<string, unknown>

/** Where a blob is that stands in for the ops up to its offset. */
export interface Snapshot {
  offset: number
  url: string
  bytes: number
  sha256: string
  format?: string
}

export type RejectCode =
  | "rate_limited"
  | "unavailable"
  | "missing"
  | "gap"
  | "too_large"
  | "invalid"
  | "forbidden"
  | "closed"
  | "conflict"

export type ErrorCode =
  | "unknown_type"
  | "invalid"
  | "not_joined"
  | "already_joined"
  | "forbidden"
  | "not_found"
  | "format"
  | "pruned"
  | "too_many_docs"
  | "rate_limited"
  | "unavailable"

export interface JoinFrame {
  type: "join"
  id?: string | number
  /** A document's name. */
  doc: string
  channels?: ("ops" | "presence")[]
  since?: {
    /** Opaque; empty before the first op. */
    epoch?: string
    /** An offset, or 0 for the start. */
    offset?: number
    clock?: Clock
  } | null
  format?: string
  snapshot?: boolean
  replaces?: string
}

/** An op as its author sends it. */
export interface ClientOp {
  /** A writer's name. */
  actor: string
  seq: number
  clock?: Clock
  payload: unknown
  ext?: Record<string, unknown>
}

export interface ClientOpsFrame {
  type: "ops"
  id?: string | number
  /** A document's name. */
  doc: string
  ops: ClientOp[]
}

export interface ClientPresenceFrame {
  type: "presence"
  id?: string | number
  /** A document's name. */
  doc: string
  state: PresenceState | null
}

export interface ClientEventFrame {
  type: "event"
  id?: string | number
  /** A document's name. */
  doc: string
  name: string
  data?: unknown
}

export interface LeaveFrame {
  type: "leave"
  id?: string | number
  /** A document's name. */
  doc: string
}

export interface PingFrame {
  type: "ping"
  id?: string | number
}

export interface ClientAuthFrame {
  type: "auth"
  id?: string | number
  token: string
}

export interface Limits {
  frame_bytes: number
  op_bytes: number
  ops_per_frame: number
  clock_entries: number
  unacked_ops: number
  server_frame_bytes: number
  docs: number
  presence_bytes?: number
  presence_hz: number
  participants?: number
  doc_bytes?: number
  actors?: number
  doc_actors?: number
  frames_per_s?: number
  bytes_per_s?: number
  ops_per_s: number
  presence_per_s?: number
  events_per_s?: number
  joins_per_s?: number
  refusals_per_s?: number
  burst_s?: number
  subject_factor?: number
  subject_connections?: number
  address_connections?: number
  handshakes_per_s?: number
}

export interface WelcomeFrame {
  type: "welcome"
  id?: string | number
  session: string
  replace: string
  user?: User
  server: string
  heartbeat_ms: number
  limits: Limits
}

export interface JoinedFrame {
  type: "joined"
  id?: string | number
  /** A document's name. */
  doc: string
  /** Opaque; empty before the first op. */
  epoch: string
  /** An offset, or 0 for the start. */
  head: number
  /** An offset, or 0 for the start. */
  first: number
  /** An offset, or 0 for the start. */
  from: number
  clock?: Clock
  format?: string
  access: Rights
  lost?: Clock
  snapshot?: Snapshot
}

/** An accepted op. */
export interface Entry {
  offset: number
  /** A writer's name. */
  actor: string
  seq: number
  clock: Clock
  /** Unix milliseconds. */
  at: number
  by?: string
  payload?: unknown
  redacted?: true
  ext?: Record<string, unknown>
}

export interface ServerOpsFrame {
  type: "ops"
  id?: string | number
  /** A document's name. */
  doc: string
  ops: Entry[]
}

export interface LiveFrame {
  type: "live"
  id?: string | number
  /** A document's name. */
  doc: string
  /** An offset, or 0 for the start. */
  offset: number
}

export interface AckBody {
  /** A writer's name. */
  actor: string
  seq: number
  offset: number
}

export interface AckFrame extends AckBody {
  type: "ack"
  id?: string | number
  /** A document's name. */
  doc: string
}

export interface RejectBody {
  /** A writer's name. */
  actor: string
  seq: number
  code: RejectCode
  message: string
  expected?: number
  missing?: Clock
  retry_ms?: number
}

export interface RejectFrame extends RejectBody {
  type: "reject"
  id?: string | number
  /** A document's name. */
  doc: string
}

export interface SnapshotNoticeFrame {
  type: "snapshot"
  id?: string | number
  /** A document's name. */
  doc: string
  snapshot: Snapshot
}

export interface Participant {
  user?: User
  state?: PresenceState
}

export interface ServerPresenceFrame {
  type: "presence"
  id?: string | number
  /** A document's name. */
  doc: string
  states: Record<string, Participant | null>
}

export interface ServerEventFrame {
  type: "event"
  id?: string | number
  /** A document's name. */
  doc: string
  session?: string
  name: string
  data?: unknown
}

export interface PongFrame {
  type: "pong"
  id?: string | number
}

export interface LeftFrame {
  type: "left"
  id?: string | number
  /** A document's name. */
  doc: string
  code: "left" | "deleted" | "forbidden" | "closed" | "replaced"
}

export interface AccessFrame {
  type: "access"
  id?: string | number
  /** A document's name. */
  doc: string
  access: Rights
}

export interface ServerAuthFrame {
  type: "auth"
  id?: string | number
  user?: User
  expires_ms?: number
}

export interface CompactFrame {
  type: "compact"
  id?: string | number
  /** A document's name. */
  doc: string
  offset: number
}

export interface ErrorFrame {
  type: "error"
  id?: string | number
  code: ErrorCode
  message: string
  /** A document's name. */
  doc?: string
  retry_ms?: number
}

export interface DrainingFrame {
  type: "draining"
  id?: string | number
  retry_ms: number
}

/** The body of every HTTP refusal. */
export interface HttpError {
  code: string
  message: string
  retry_ms?: number
  access?: Rights
}

/** The body of 410. */
export interface GoneError extends HttpError {
  code: "epoch" | "pruned"
  /** Opaque; empty before the first op. */
  epoch: string
  /** An offset, or 0 for the start. */
  first: number
  snapshot?: Snapshot
}

/** GET /v1/docs/{doc} */
export interface DocInfo {
  /** A document's name. */
  doc: string
  /** Opaque; empty before the first op. */
  epoch: string
  /** An offset, or 0 for the start. */
  head: number
  /** An offset, or 0 for the start. */
  first: number
  clock: Clock
  format: string
  /** Unix milliseconds. */
  at: number
  bytes?: number
  participants: number
  access: Rights
  snapshot?: Snapshot
}

/** GET /v1/docs/{doc}/ops */
export interface OpsPage {
  /** Opaque; empty before the first op. */
  epoch: string
  /** An offset, or 0 for the start. */
  first: number
  ops: Entry[]
  /** An offset, or 0 for the start. */
  next: number
  live: boolean
}

export interface AppendResult {
  acks: AckBody[]
  rejects: RejectBody[]
}

export interface SnapshotMeta extends Snapshot {
  /** Unix milliseconds. */
  at: number
  by?: string
  /** The program that made it, as Baton-Maker said. */
  maker?: string
  clock: Clock
  format: string
}

/** GET /v1/docs */
export interface DocList {
  docs: string[]
  /** A document's name. */
  next?: string
}

/** GET /v1/admin/status */
export interface RelayStatus {
  version: string
  /** Unix milliseconds. */
  started: number
  /** Unix milliseconds. */
  at: number
  ready: boolean
  why?: string
  draining: boolean
  sessions: number
  rooms: number
  participants: number
  catching_up: number
  lag: number
  totals: {
    ops: number
    appends: number
    frames_out: number
    bytes_out: number
    rejects: Record<string, number>
    closes: Record<string, number>
  }
  go: {
    version: string
    processors: number
    goroutines: number
    memory_bytes: number
    heap_bytes: number
    gc_cycles: number
  }
  log?: {
    bytes: number
  }
  busiest: {
    /** A document's name. */
    doc: string
    format?: string
    participants: number
    /** An offset, or 0 for the start. */
    head: number
    ops_s: number
    bytes_s: number
    catching_up: number
    lag: number
  }[]
}
