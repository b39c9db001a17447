// Images of a board. Each is written once, in slices that fit into an op: `ID` says what it is and of how many slices,
// `ID/0`, `ID/1`, … are its bytes. Keys are flat, so that two who paste the same picture at once write the same.

import * as A from "@automerge/automerge/slim"
import type { AutomergeBinding } from "@baton-relay/client/automerge"
import type { BinaryFileData } from "@excalidraw/excalidraw/types"
import type { Board } from "./schema.ts"

/** Bytes in an op. In base64, with what is around it, they are well below what a relay takes. */
const sliceBytes = 256 * 1024

/** The largest image that is read, in slices: four times what Excalidraw lets in. */
const slicesMost = 64

/** What a browser shows as a picture, and runs nothing of. */
const types = /^image\/(png|jpeg|gif|webp|bmp|avif|svg\+xml|x-icon|jfif)$/

/** The files that an Excalidraw has. */
export interface Shelf {
  has(id: string): boolean
  get(id: string): BinaryFileData | undefined
  add(files: BinaryFileData[]): void
}

/** Keeps the images of an Excalidraw and of a board's document the same. */
export class Files {
  #board: AutomergeBinding<Board>
  #shelf: Shelf
  #off: () => void

  constructor(board: AutomergeBinding<Board>, shelf: Shelf) {
    this.#board = board
    this.#shelf = shelf
    this.#off = board.on("change", ({ patches, source }) => {
      const ids = patches.filter((p) => p.path[0] === "files").map((p) => idOf(String(p.path[1])))
      this.#take(source === "rebuilt" ? this.#all() : new Set(ids))
    })
    this.#take(this.#all())
  }

  /** Writes the images of these ids that the document lacks. It throws what the board throws. */
  write(ids: Iterable<string>): void {
    for (const id of ids) {
      const file = this.#shelf.get(id)
      if (!file || this.#board.doc.files[id] !== undefined) continue
      const bytes = bytesOf(file.dataURL)
      const slices = Math.ceil(bytes.length / sliceBytes)
      if (slices === 0 || slices > slicesMost) continue
      this.#board.change((d) => {
        d.files[id] = new A.ImmutableString(JSON.stringify({ type: file.mimeType, slices }))
      })
      // All in one turn: what is written survives this page, and half a picture is none.
      for (let i = 0; i < slices; i++) {
        this.#board.change((d) => {
          d.files[`${id}/${i}`] = bytes.subarray(i * sliceBytes, (i + 1) * sliceBytes)
        })
      }
    }
  }

  close(): void {
    this.#off()
  }

  #all(): Set<string> {
    return new Set(Object.keys(this.#board.doc.files).map(idOf))
  }

  /** Gives the editor what is whole by now. */
  #take(ids: Set<string>): void {
    const whole: BinaryFileData[] = []
    for (const id of ids) {
      const file = this.#shelf.has(id) ? undefined : readFile(this.#board.doc.files, id)
      if (file) whole.push(file)
    }
    if (whole.length > 0) this.#shelf.add(whole)
  }
}

function idOf(key: string): string {
  return key.replace(/\/\d+$/, "")
}

/** Returns an image of a document; undefined until all of it is there. */
export function readFile(files: Board["files"], id: string): BinaryFileData | undefined {
  const head = headOf(files[id])
  if (!head) return undefined
  const parts: Uint8Array[] = []
  for (let i = 0; i < head.slices; i++) {
    const part = files[`${id}/${i}`]
    if (!(part instanceof Uint8Array)) return undefined
    parts.push(part)
  }
  return {
    id: id as BinaryFileData["id"],
    mimeType: head.type as BinaryFileData["mimeType"],
    dataURL: `data:${head.type};base64,${base64Of(parts)}` as BinaryFileData["dataURL"],
    created: 0,
  }
}

function headOf(stored: unknown): { type: string; slices: number } | undefined {
  try {
    const { type, slices } = JSON.parse(String(stored))
    const good = types.test(type) && Number.isInteger(slices) && slices > 0 && slices <= slicesMost
    return good ? { type, slices } : undefined
  } catch {
    return undefined
  }
}

function bytesOf(dataURL: string): Uint8Array {
  const text = atob(dataURL.slice(dataURL.indexOf(",") + 1))
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
}

function base64Of(parts: Uint8Array[]): string {
  let text = ""
  for (const part of parts) {
    // An argument list has room for some ten thousand.
    for (let i = 0; i < part.length; i += 8192) text += String.fromCharCode(...part.subarray(i, i + 8192))
  }
  return btoa(text)
}
