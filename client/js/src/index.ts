export type { Dot } from "./clock.ts"
export {
  type Connection,
  type ConnectionStatus,
  type ConnectOptions,
  connect,
  type Token,
} from "./connection.ts"
export { type LocalCopy, localCopy } from "./copy.ts"
export type { Doc, DocEvents, JoinOptions, Status } from "./doc.ts"
export { BatonError } from "./errors.ts"
export type * from "./frames.ts"
export type { Divergence, Place } from "./inflow.ts"
export type { Op } from "./opstream.ts"
export type { OpName, Refusal } from "./own.ts"
export type { Presence } from "./presence.ts"
export type { Saved } from "./saved.ts"
export { type SnapshotKind, type SnapshotLoader, snapshots, storeSnapshot } from "./snapshot.ts"
