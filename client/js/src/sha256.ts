// SHA-256 as FIPS 180-4 defines it, in plain JavaScript. Browsers hide crypto.subtle
// from pages that came over plain http, and its answer is always a promise.

const K = new Int32Array(64)
const INITIAL = new Int32Array(8)
const W = new Int32Array(64) // the message schedule, shared: nothing here waits

// FIPS 180-4, 4.2.2 and 5.3.3: the first 32 bits of the fractional parts of the roots
// of the first primes. 43 bits of a root decide each of them; a double has 53.
for (let n = 2, found = 0; found < 64; n++) {
  if (!isPrime(n)) continue
  K[found] = fraction(Math.cbrt(n))
  if (found < 8) INITIAL[found] = fraction(Math.sqrt(n))
  found++
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** The SHA-256 of `data`: 32 bytes, the caller's own. `data` is only read. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const state = INITIAL.slice()
  const whole = data.length - (data.length % 64)
  for (let at = 0; at < whole; at += 64) compress(state, data, at)

  // 5.1.1: the rest, a one bit, zeros, the length in bits as 64 bits big-endian.
  const rest = data.length - whole
  const tail = new Uint8Array(rest < 56 ? 64 : 128)
  tail.set(data.subarray(whole))
  tail[rest] = 0x80
  const view = new DataView(tail.buffer)
  view.setUint32(tail.length - 8, data.length / 2 ** 29)
  view.setUint32(tail.length - 4, data.length << 3)
  for (let at = 0; at < tail.length; at += 64) compress(state, tail, at)

  const digest = new Uint8Array(32)
  const out = new DataView(digest.buffer)
  state.forEach((word, i) => {
    out.setInt32(4 * i, word)
  })
  return digest
}

/** The SHA-256 of `data` as 64 lower-case hex digits. */
export function sha256Hex(data: Uint8Array): string {
  return toHex(sha256(data))
}

/** `bytes` as lower-case hex digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  const digits = new Array<string>(bytes.length)
  for (let i = 0; i < bytes.length; i++) digits[i] = HEX[bytes[i] as number] as string
  return digits.join("") // in one piece: what += makes takes ten times the memory until it is read
}

// 6.2.2, for the 64 bytes of `data` from `at` on.
function compress(state: Int32Array, data: Uint8Array, at: number): void {
  for (let t = 0; t < 16; t++) {
    let word = 0
    for (let end = at + 4; at < end; at++) word = (word << 8) | (data[at] as number)
    W[t] = word
  }
  for (let t = 16; t < 64; t++) {
    const x = W[t - 15] as number
    const y = W[t - 2] as number
    const sigma0 = rotr(x, 7) ^ rotr(x, 18) ^ (x >>> 3)
    const sigma1 = rotr(y, 17) ^ rotr(y, 19) ^ (y >>> 10)
    W[t] = (W[t - 16] as number) + sigma0 + (W[t - 7] as number) + sigma1
  }
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  let e = state[4] as number
  let f = state[5] as number
  let g = state[6] as number
  let h = state[7] as number
  for (let t = 0; t < 64; t++) {
    const sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)
    const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + (K[t] as number) + (W[t] as number)) | 0
    const sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)
    const t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = (state[0] as number) + a
  state[1] = (state[1] as number) + b
  state[2] = (state[2] as number) + c
  state[3] = (state[3] as number) + d
  state[4] = (state[4] as number) + e
  state[5] = (state[5] as number) + f
  state[6] = (state[6] as number) + g
  state[7] = (state[7] as number) + h
}

function rotr(x: number, n: number): number {
  return (x >>> n) | (x << (32 - n))
}

function fraction(root: number): number {
  return ((root % 1) * 2 ** 32) | 0
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}
