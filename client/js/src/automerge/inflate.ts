// Inflating as RFC 1951 describes it. What the platform has, DecompressionStream, answers only
// by a promise; a change has to be read at once.

/** Why `inflate` gave up: `damaged`, this is no deflate stream; `too_large`, it holds more than was allowed. */
export class InflateError extends Error {
  override name = "InflateError"
  readonly reason: "damaged" | "too_large"

  constructor(reason: "damaged" | "too_large", message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * Inflates a raw deflate stream, which has to end where `data` ends, to at most `max` bytes. Throws an
 * InflateError and nothing else. Memory and time stay in proportion to `data` and to what comes out.
 */
export function inflate(data: Uint8Array, max: number): Uint8Array<ArrayBuffer> {
  const input = new Bits(data)
  const output = new Output(max, 4 * data.length)
  let last: number
  do {
    last = input.take(1)
    const type = input.take(2)
    if (type === 0) output.append(input.stored())
    else if (type === 1) inflateBlock(input, output, FIXED)
    else if (type === 2) inflateBlock(input, output, readCodes(input))
    else throw damaged("a block of type 3")
  } while (!last)
  input.end()
  return output.bytes()
}

function damaged(what: string): InflateError {
  return new InflateError("damaged", `inflate: ${what}`)
}

/** The input, bit by bit from the lowest of each byte on. */
class Bits {
  readonly #data: Uint8Array
  #at = 0
  #held = 0 // bits read from #data and not yet taken, #count of them
  #count = 0

  constructor(data: Uint8Array) {
    this.#data = data
  }

  /** The next `n` bits as a number, 0 ≤ n ≤ 16. */
  take(n: number): number {
    while (this.#count < n) {
      if (this.#at === this.#data.length) throw damaged("the data ends within a block")
      this.#held |= (this.#data[this.#at++] as number) << this.#count
      this.#count += 8
    }
    const bits = this.#held & ((1 << n) - 1)
    this.#held >>>= n
    this.#count -= n
    return bits
  }

  /** The content of a stored block. */
  stored(): Uint8Array {
    this.#held = this.#count = 0 // on to the next whole byte
    const length = this.take(16)
    if (this.take(16) !== (length ^ 0xffff)) throw damaged("a stored block whose lengths differ")
    const from = this.#at
    this.#at += length
    if (this.#at > this.#data.length) throw damaged("the data ends within a stored block")
    return this.#data.subarray(from, this.#at)
  }

  end(): void {
    if (this.#at < this.#data.length) throw damaged("there are bytes behind the last block")
  }
}

/** The output, which grows as needed up to `max` bytes. */
class Output {
  readonly #max: number
  #buffer: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(max: number, expected: number) {
    this.#max = max
    this.#buffer = new Uint8Array(Math.min(max, expected))
  }

  push(byte: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1)
    this.#buffer[this.#length++] = byte
  }

  append(bytes: Uint8Array): void {
    this.#grow(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Appends `length` bytes from `distance` bytes back, which may be some of those that it appends. */
  repeat(length: number, distance: number): void {
    if (distance > this.#length) throw damaged("a distance that reaches before the start")
    this.#grow(length)
    for (; length > 0; length--, this.#length++) {
      this.#buffer[this.#length] = this.#buffer[this.#length - distance] as number
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length)
  }

  #grow(by: number): void {
    const length = this.#length + by
    if (length <= this.#buffer.length) return
    if (length > this.#max) {
      throw new InflateError("too_large", `inflate: there are more than ${this.#max} bytes in this`)
    }
    const larger = new Uint8Array(Math.min(this.#max, 2 * length))
    larger.set(this.#buffer)
    this.#buffer = larger
  }
}

/** A Huffman code: how many codes there are of each length, and the symbols in the order of their codes. */
interface Code {
  counts: Uint16Array
  symbols: Uint16Array
}

interface Codes {
  literals: Code // and lengths
  distances: Code
}

// RFC 1951, 3.2.2: a code is its symbols' lengths, 0 for those that it lacks.
function makeCode(lengths: Uint8Array): Code {
  const counts = new Uint16Array(16)
  for (const length of lengths) if (length > 0) (counts[length] as number)++
  const next = new Uint16Array(17) // where the symbols of each length go
  let room = 1 // codes of the length at hand that begin no longer one
  for (let length = 1; length < 16; length++) {
    const count = counts[length] as number
    room = 2 * room - count
    if (room < 0) throw damaged("a code with more symbols than fit in it")
    next[length + 1] = (next[length] as number) + count
  }
  const used = next[16] as number
  // Only a code of one symbol, or of none, has no other choice than to leave room.
  if (room > 0 && used !== counts[1]) throw damaged("a code with fewer symbols than fit in it")
  const symbols = new Uint16Array(used)
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number
    if (length > 0) symbols[(next[length] as number)++] = symbol
  }
  return { counts, symbols }
}

function readSymbol(input: Bits, code: Code): number {
  // Codes of one length are consecutive numbers, and less than the beginnings of those that are longer.
  let first = 0
  let index = 0
  for (let length = 1, bits = 0; length < 16; length++) {
    bits |= input.take(1)
    const count = code.counts[length] as number
    if (bits - first < count) return code.symbols[index + bits - first] as number
    index += count
    first = 2 * (first + count)
    bits *= 2
  }
  throw damaged("bits that are no symbol of their code")
}

// RFC 1951, 3.2.6.
const FIXED: Codes = {
  literals: makeCode(
    Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  ),
  distances: makeCode(new Uint8Array(32).fill(5)),
}

// RFC 1951, 3.2.7: the order in which the lengths of the code for lengths come.
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

function readCodes(input: Bits): Codes {
  const literals = input.take(5) + 257
  const distances = input.take(5) + 1
  if (literals > 286 || distances > 30) throw damaged("more symbols than there are")
  const lengthLengths = new Uint8Array(19)
  const given = input.take(4) + 4
  for (const symbol of ORDER.slice(0, given)) lengthLengths[symbol] = input.take(3)
  const code = makeCode(lengthLengths)

  const lengths = new Uint8Array(literals + distances)
  for (let at = 0; at < lengths.length; ) {
    const symbol = readSymbol(input, code)
    if (symbol < 16) {
      lengths[at++] = symbol
      continue
    }
    if (symbol === 16 && at === 0) throw damaged("a repetition of nothing")
    const value = symbol === 16 ? (lengths[at - 1] as number) : 0
    const end =
      at + (symbol === 18 ? 11 + input.take(7) : symbol === 17 ? 3 + input.take(3) : 3 + input.take(2))
    if (end > lengths.length) throw damaged("a repetition of more lengths than there are symbols")
    lengths.fill(value, at, end)
    at = end
  }
  if (lengths[256] === 0) throw damaged("a code without an end of block")
  return {
    literals: makeCode(lengths.subarray(0, literals)),
    distances: makeCode(lengths.subarray(literals)),
  }
}

function inflateBlock(input: Bits, output: Output, codes: Codes): void {
  for (;;) {
    const symbol = readSymbol(input, codes.literals)
    if (symbol === 256) return
    if (symbol < 256) output.push(symbol)
    else output.repeat(readLength(input, symbol - 257), readDistance(input, codes.distances))
  }
}

// RFC 1951, 3.2.5. The tables there are steps of 1 that double after every four symbols of a length, every two of a distance.
function readLength(input: Bits, index: number): number {
  if (index < 8) return 3 + index
  if (index === 28) return 258
  if (index > 28) throw damaged("a length that does not exist")
  const extra = (index >> 2) - 1
  return 3 + ((4 + (index & 3)) << extra) + input.take(extra)
}

function readDistance(input: Bits, code: Code): number {
  const index = readSymbol(input, code)
  if (index < 4) return 1 + index
  if (index > 29) throw damaged("a distance that does not exist")
  const extra = (index >> 1) - 1
  return 1 + ((2 + (index & 1)) << extra) + input.take(extra)
}
