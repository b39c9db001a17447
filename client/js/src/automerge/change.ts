// The head of one Automerge change, read and verified without Automerge, which applies
// changes whose checksum is wrong and spends minutes on some of a few dozen bytes.
//
//   chunk = 85 6f 4a 83, checksum (4 bytes), type (1 plain, 2 body deflated), uLEB length, body
//   body  = deps, actor, seq, startOp, time, message, other actors, columns, bytes of later versions
//
// The hash of a change is the SHA-256 of 01, uLEB length and body, the body being inflated;
// the checksum is its first 4 bytes.

import { sha256, toHex } from "../sha256.ts"
import { InflateError, inflate } from "./inflate.ts"

/**
 * The most ops in one change, and the most that they overwrite. A character is one op: pasting 1 MB of text makes a
 * million, deleting it another million that overwrite as many; this is twice that. The size of a change sets no limit,
 * as its columns are run-length coded: 50 bytes can hold a billion ops, on which Automerge hangs until memory ends.
 * Two million take it up to 20 seconds.
 */
export const MAX_OPS = 2_000_000

/** The longest body that a deflated change may have, in bytes. */
export const MAX_INFLATED = 16 * 1024 * 1024

/** What a change says of itself. */
export interface Change {
  /** Hex, lower case, as Automerge writes it. */
  actor: string
  /** This is the actor's change number `seq`, from 1. */
  seq: number
  /** The counter of its first op, from 1. */
  startOp: number
  /** How many ops it holds, 0 to MAX_OPS; their counters follow `startOp` one by one. */
  ops: number
  /** The hashes of the changes that it was made upon, in hex. */
  deps: string[]
  /** When its author made it, by the author's clock: seconds since 1970, in JavaScript's Automerge. May be negative. */
  time: number
  /** "" where there is none. */
  message: string
  /** Its SHA-256, in hex. */
  hash: string
}

/**
 * Why bytes are no change: `type`, they are something else (a document, a bundle, no Automerge at all); `damaged`, they
 * are not what was written (cut, more than one chunk, the checksum); `malformed`, they were written so, but Automerge
 * does not write so; `too_large`, they hold more than MAX_OPS ops or MAX_INFLATED bytes.
 */
export type ChangeFault = "type" | "damaged" | "malformed" | "too_large"

/** Bytes that are not one good change, by the reason. */
export class ChangeError extends Error {
  override name = "ChangeError"
  readonly reason: ChangeFault

  constructor(reason: ChangeFault, message: string) {
    super(`change: ${message}`)
    this.reason = reason
  }
}

/**
 * Reads the head of the one change that `bytes` are, and counts its ops. The change is whole and its hash verified; that
 * Automerge can apply it is not. A number that JavaScript cannot hold exactly is refused. Throws a ChangeError and nothing else.
 */
export function readChange(bytes: Uint8Array): Change {
  const chunk = readChunk(bytes)
  const hash = sha256(chunk)
  for (let i = 0; i < 4; i++) {
    if (hash[i] !== bytes[4 + i]) throw new ChangeError("damaged", "its checksum is that of other bytes")
  }
  return readBody(chunk, toHex(hash))
}

const MAGIC = [0x85, 0x6f, 0x4a, 0x83]

// Returns what the hash is of: 01, the length of the body and the body.
function readChunk(bytes: Uint8Array): Uint8Array {
  if (MAGIC.some((byte, i) => byte !== bytes[i])) throw new ChangeError("type", "no Automerge data")
  const reader = new Reader(bytes.subarray(8), "damaged")
  const type = reader.byte()
  if (type !== 1 && type !== 2) {
    throw new ChangeError("type", `a chunk of type ${type} (0 is a document, 3 a bundle)`)
  }
  const body = reader.bytes()
  if (reader.left > 0) throw new ChangeError("damaged", `${reader.left} bytes behind its end`)
  return type === 1 ? bytes.subarray(8) : inflateChunk(body)
}

function inflateChunk(deflated: Uint8Array): Uint8Array {
  try {
    const body = inflate(deflated, MAX_INFLATED)
    const head = [1]
    let rest = body.length
    for (; rest > 0x7f; rest >>>= 7) head.push(0x80 | (rest & 0x7f))
    head.push(rest)
    const chunk = new Uint8Array(head.length + body.length)
    chunk.set(head)
    chunk.set(body, head.length)
    return chunk
  } catch (error) {
    throw error instanceof InflateError ? new ChangeError(error.reason, error.message) : error
  }
}

function readBody(chunk: Uint8Array, hash: string): Change {
  const reader = new Reader(chunk, "malformed")
  reader.byte() // 01, and how long the body is: readChunk has seen to both
  reader.uleb()
  const deps: string[] = []
  for (let n = reader.uleb(); n > 0; n--) deps.push(toHex(reader.take(32)))
  const actor = toHex(reader.bytes())
  const seq = reader.uleb()
  const startOp = reader.uleb()
  const time = reader.sleb()
  const message = reader.text()
  for (let n = reader.uleb(); n > 0; n--) reader.bytes() // the other actors that its ops name
  const ops = countOps(reader)
  if (seq === 0 || startOp === 0) throw reader.fault("its numbers start at 0")
  // Automerge keeps counters in 32 bits, and panics.
  if (startOp + Math.max(ops, 1) > 2 ** 32)
    throw reader.fault(`op counters from ${startOp} on are out of range`)
  return { actor, seq, startOp, ops, deps, time, message, hash }
}

// The columns' specifications: an id, a type (0 is the length of a list in other columns,
// 2 a number) and whether it is deflated, which columns of changes are not.
const ACTIONS = 0x42
const OVERWRITTEN = 0x70
const DEFLATED = 0x08

// Counts the rows of the column of actions, of which each op has one. How many ops each
// overwrites is bounded too: one op that overwrites a billion hangs Automerge as well.
function countOps(reader: Reader): number {
  const spans = new Map<number, [from: number, to: number]>()
  let end = 0
  for (let n = reader.uleb(), before = -1; n > 0; n--) {
    const spec = reader.uleb()
    if (spec <= before || spec & DEFLATED) throw reader.fault(`a column ${spec} after ${before}`)
    before = spec
    const from = end
    end += reader.uleb()
    if (spec === ACTIONS || spec === OVERWRITTEN) spans.set(spec, [from, end])
  }
  const data = reader.take(end)
  const column = (spec: number) => new Reader(data.subarray(...(spans.get(spec) ?? [0, 0])), "malformed")
  sumRuns(column(OVERWRITTEN), (count) => count)
  return sumRuns(column(ACTIONS), () => 1)
}

// Sums what a run-length coded column of numbers has, each weighed, up to MAX_OPS. A run is
// a count above 0 and its number, or a count below 0 and as many numbers, or 0 and a count of nulls.
function sumRuns(column: Reader, weigh: (value: number) => number): number {
  let sum = 0
  while (column.left > 0) {
    const count = column.sleb()
    if (count > 0) sum += count * weigh(column.uleb())
    for (let n = count; n < 0; n++) sum += weigh(column.uleb())
    if (count === 0) sum += column.uleb() * weigh(0)
    if (sum > MAX_OPS) throw new ChangeError("too_large", `it makes or overwrites more than ${MAX_OPS} ops`)
  }
  return sum
}

/** Reads values from the front of bytes; what is not there, or not so written, is a fault of the given kind. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #kind: ChangeFault
  #at = 0

  constructor(bytes: Uint8Array, kind: ChangeFault) {
    this.#bytes = bytes
    this.#kind = kind
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  fault(what: string): ChangeError {
    return new ChangeError(this.#kind, what)
  }

  /** The next `n` bytes, not copied. */
  take(n: number): Uint8Array {
    if (n > this.left) throw this.fault(`it ends ${n - this.left} bytes early`)
    this.#at += n
    return this.#bytes.subarray(this.#at - n, this.#at)
  }

  byte(): number {
    if (this.left === 0) throw this.fault("it ends early")
    return this.#bytes[this.#at++] as number
  }

  /** Bytes behind their length, not copied. */
  bytes(): Uint8Array {
    return this.take(this.uleb())
  }

  /** UTF-8 behind its length. */
  text(): string {
    const bytes = this.bytes()
    try {
      return UTF8.decode(bytes)
    } catch {
      throw this.fault("its message is not UTF-8")
    }
  }

  uleb(): number {
    return this.#leb(0)
  }

  sleb(): number {
    return this.#leb(0x40)
  }

  // LEB128 in its shortest form; `sign` is the bit of the last byte that makes a number negative.
  #leb(sign: number): number {
    let value = 0
    for (let shift = 0, before = 0; shift < 56; shift += 7) {
      const byte = this.byte()
      if (byte > 0x7f) {
        value += (byte - 0x80) * 2 ** shift
        before = byte
        continue
      }
      value += (byte & sign ? byte - 0x80 : byte) * 2 ** shift
      if (shift > 0 && byte === (before & sign ? 0x7f : 0)) throw this.fault("a number with a byte too many")
      if (!Number.isSafeInteger(value)) break
      return value
    }
    throw this.fault("a number of more than 53 bits")
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
