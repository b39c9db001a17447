// Standard base64 with padding (RFC 4648, section 4), for browsers and node alike.

interface Native {
  prototype: { toBase64?: unknown }
  fromBase64?(text: string, options: { lastChunkHandling: "strict" }): Uint8Array<ArrayBuffer>
}

const native = Uint8Array as unknown as Native
const CHUNK = 3 * 2730 // bytes that become arguments of one call, which the stack has to hold

/** `bytes` as base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  if (native.prototype.toBase64) return (bytes as unknown as { toBase64(): string }).toBase64()
  let text = ""
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const chunk = bytes.subarray(at, at + CHUNK) as unknown as number[]
    text += btoa(String.fromCharCode.apply(null, chunk))
  }
  return text
}

/**
 * The bytes that `text` stands for. Each array of bytes has one text: any other (white space, the url-safe
 * alphabet, missing padding, bits that are set behind the last byte) throws a RangeError that says what is wrong.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  check(text) // atob and fromBase64 pass over white space
  if (native.fromBase64) return native.fromBase64(text, { lastChunkHandling: "strict" })
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

function check(text: string): void {
  const end = text.length - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0)
  const stranger = text.search(/[^A-Za-z0-9+/]/)
  if (stranger >= 0 && stranger < end) {
    throw new RangeError(`base64: ${JSON.stringify(text[stranger])} at ${stranger} cannot stand there`)
  }
  if (text.length % 4 !== 0) {
    throw new RangeError(`base64: the length ${text.length} is no multiple of 4, padding is missing`)
  }
  const last = text.slice(-4)
  if (btoa(atob(last)) !== last) {
    throw new RangeError(`base64: ${JSON.stringify(last)} at the end has bits set behind its last byte`)
  }
}
