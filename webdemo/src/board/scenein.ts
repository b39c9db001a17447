// The scene that a picture carries, where Excalidraw has put it there ("Embed scene").

const sceneType = "application/vnd.excalidraw+json"

/** Returns the text of the scene in a PNG or an SVG. It throws if there is none. */
export async function sceneIn(picture: Blob): Promise<string> {
  const bytes = new Uint8Array(await picture.arrayBuffer())
  const said = picture.type === "image/svg+xml" ? inSvg(new TextDecoder().decode(bytes)) : inPng(bytes)
  const { type, encoding, encoded, compressed } = JSON.parse(said)
  if (type === "excalidraw") return said // as the first versions wrote it
  if (encoding !== "bstring") throw new Error("no scene")
  const packed = bytesOf(String(encoded))
  if (!compressed) return new TextDecoder().decode(packed)
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text()
}

/** Finds it in a chunk of text (PNG, section 11.3.3.2): keyword, 0, text, as Latin-1. */
function inPng(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer)
  const latin = (from: number, to: number) =>
    Array.from(bytes.subarray(from, to), (byte) => String.fromCharCode(byte)).join("")
  for (let at = 8; at + 12 <= bytes.length; ) {
    const [from, to] = [at + 8, at + 8 + view.getUint32(at)]
    if (latin(at + 4, from) === "tEXt" && latin(from, from + sceneType.length + 1) === `${sceneType}\0`) {
      return latin(from + sceneType.length + 1, to)
    }
    at = to + 4 // behind the checksum
  }
  throw new Error("no scene")
}

/** Finds it in a comment, in base64. */
function inSvg(text: string): string {
  const found = new RegExp(`payload-type:${sceneType.replace("+", "\\+")}`).test(text)
  const [, payload] = /<!-- payload-start -->\s*([A-Za-z0-9+/=]+)\s*<!-- payload-end -->/.exec(text) ?? []
  if (!found || !payload) throw new Error("no scene")
  const said = atob(payload)
  const [, version = "1"] = /payload-version:(\d+)/.exec(text) ?? []
  return version === "1" ? new TextDecoder().decode(bytesOf(said)) : said
}

/** Takes each character as a byte. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
