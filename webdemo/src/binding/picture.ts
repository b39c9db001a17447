// A picture out of a data: URL, in the one form that every page reads: a type that browsers show, and bytes. Files and
// clipboards bring other forms too: other names of a type, parameters, text that is percent-encoded instead of base64.

/** A picture as a board keeps it. */
export interface Picture {
  type: string
  bytes: Uint8Array
}

/** The largest picture that a board takes, bytes: four times what Excalidraw lets in. */
export const pictureMost = 16 * 1024 * 1024

/** What a browser shows as a picture, and runs nothing of. */
const types = /^image\/(png|jpeg|gif|webp|bmp|avif|svg\+xml|x-icon|jfif)$/

/** Other names of these types. */
const aliases: Record<string, string> = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "image/x-png": "image/png",
  "image/svg": "image/svg+xml",
  "image/x-ms-bmp": "image/bmp",
  "image/vnd.microsoft.icon": "image/x-icon",
}

/** Whether a type is one that boards keep, by the one name that it has there. */
export function isPictureType(type: unknown): type is string {
  return typeof type === "string" && types.test(type)
}

/**
 * Returns the picture of a data: URL; `named` is the type where the URL has none of a picture. It throws a sentence for
 * the user where a board cannot take it.
 */
export function pictureOf(dataURL: unknown, named?: unknown): Picture {
  const parts = typeof dataURL === "string" ? /^\s*data:([^,]*),(.*)$/is.exec(dataURL) : undefined
  if (!parts) throw new Error("it has no data")
  const [, head = "", body = ""] = parts
  const type = [head, named].map(typeOf).find(isPictureType)
  if (!type) throw new Error(`${typeOf(head) || "what it holds"} is no type of picture that a board shows`)
  const base64 = /;\s*base64\s*$/i.test(head)
  // What is far too large is not decoded: four characters of base64 are three bytes, and %XX is one.
  if (body.length > (base64 ? 1.5 : 3) * pictureMost) throw tooLarge()
  const bytes = base64 ? fromBase64(body) : fromPercent(body)
  if (bytes.length === 0) throw new Error("it has no data")
  if (bytes.length > pictureMost) throw tooLarge()
  return { type, bytes }
}

/** Returns the data: URL of a picture. */
export function dataURLOf({ type, bytes }: Picture): string {
  let text = ""
  // An argument list has room for some ten thousand.
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return `data:${type};base64,${btoa(text)}`
}

function tooLarge(): Error {
  return new Error(`it is larger than ${pictureMost / 1024 / 1024} MB`)
}

/** Returns a type without parameters, in lower case and by its usual name. */
function typeOf(said: unknown): string {
  const type =
    String(said ?? "")
      .split(";", 1)[0]
      ?.trim()
      .toLowerCase() ?? ""
  return Object.hasOwn(aliases, type) ? (aliases[type] as string) : type
}

function fromBase64(text: string): Uint8Array {
  const plain = text.includes("%") ? new TextDecoder().decode(fromPercent(text)) : text
  try {
    const text = atob(plain)
    const bytes = new Uint8Array(text.length)
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
    return bytes
  } catch {
    throw new Error("its data is damaged")
  }
}

const percent = 0x25

/** Returns the bytes of a text in which some are written as %XX. */
function fromPercent(text: string): Uint8Array {
  const raw = new TextEncoder().encode(text)
  const bytes = new Uint8Array(raw.length)
  let length = 0
  for (let i = 0; i < raw.length; i++, length++) {
    const hex = raw[i] === percent ? String.fromCharCode(raw[i + 1] ?? 0, raw[i + 2] ?? 0) : ""
    const escaped = /^[0-9a-f]{2}$/i.test(hex)
    bytes[length] = escaped ? Number.parseInt(hex, 16) : (raw[i] as number)
    if (escaped) i += 2
  }
  return bytes.subarray(0, length)
}
