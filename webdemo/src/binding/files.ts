// Images of a board. Each is written once, in slices that fit into an op: `ID` says what it is and of how many slices,
// `ID/0`, `ID/1`, … are its bytes. Keys are flat, so that two who paste the same picture at once write the same.

import * as A from "@automerge/automerge/slim"
import type { AutomergeBinding } from "@baton-relay/client/automerge"
import type { BinaryFileData } from "@excalidraw/excalidraw/types"
import { record } from "./element.ts"
import { dataURLOf, isPictureType, type Picture, pictureMost, pictureOf } from "./picture.ts"
import type { Board } from "./schema.ts"

/** Bytes in an op. In base64, with what is around it, they are well below what a relay takes. */
const sliceBytes = 256 * 1024

/** The largest image that is read, in slices. */
const slicesMost = pictureMost / sliceBytes

/** What the files need of a board's document. */
export type FilesDocument = Pick<AutomergeBinding<Board>, "doc" | "change" | "on">

/** The files that an Excalidraw has. */
export interface Shelf {
  has(id: string): boolean
  get(id: string): BinaryFileData | undefined
  add(files: BinaryFileData[]): void
}

/** Keeps the images of an Excalidraw and of a board's document the same. */
export class Files {
  #board: FilesDocument
  #shelf: Shelf
  /** Images that the board does not take. */
  #refused = new Set<string>()
  #off: () => void

  constructor(board: FilesDocument, shelf: Shelf) {
    this.#board = board
    this.#shelf = shelf
    this.#off = board.on("change", ({ patches, source }) => {
      const ids = patches.filter((p) => p.path[0] === "files").map((p) => idOf(String(p.path[1])))
      this.#take(source === "rebuilt" ? this.#all() : new Set(ids))
    })
    this.#take(this.#all())
  }

  /**
   * Writes the images of these ids that the document lacks. Returns why an image cannot be written, by id, the first time
   * that it is to be.
   */
  write(ids: Iterable<string>): Map<string, string> {
    const refused = new Map<string, string>()
    for (const id of ids) {
      const file = this.#refused.has(id) ? undefined : this.#shelf.get(id)
      if (!file || Object.hasOwn(this.#stored, id)) continue
      try {
        this.#put(id, pictureOf(file.dataURL, file.mimeType))
      } catch (error) {
        this.#refused.add(id)
        refused.set(id, (error as Error).message)
      }
    }
    return refused
  }

  close(): void {
    this.#off()
  }

  /** The files of the document; none where somebody has put something else in their place. */
  get #stored(): Board["files"] {
    const { files } = this.#board.doc
    return record(files) ? files : {}
  }

  #put(id: string, { type, bytes }: Picture): void {
    const slices = Math.ceil(bytes.length / sliceBytes)
    this.#board.change((d) => {
      if (!record(d.files)) d.files = {}
      d.files[id] = new A.ImmutableString(JSON.stringify({ type, slices }))
    })
    // All in one turn: what is written survives this page, and half a picture is none.
    for (let i = 0; i < slices; i++) {
      this.#board.change((d) => {
        d.files[`${id}/${i}`] = bytes.subarray(i * sliceBytes, (i + 1) * sliceBytes)
      })
    }
  }

  #all(): Set<string> {
    return new Set(Object.keys(this.#stored).map(idOf))
  }

  /** Gives the editor what is whole by now. */
  #take(ids: Set<string>): void {
    const whole: BinaryFileData[] = []
    for (const id of ids) {
      const file = this.#shelf.has(id) ? undefined : readFile(this.#stored, id)
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
  return fileOf(id, { type: head.type, bytes: joined(parts) })
}

/** Returns a picture as a file of Excalidraw's. */
export function fileOf(id: string, picture: Picture): BinaryFileData {
  return {
    id: id as BinaryFileData["id"],
    mimeType: picture.type as BinaryFileData["mimeType"],
    dataURL: dataURLOf(picture) as BinaryFileData["dataURL"],
    created: 0,
  }
}

function headOf(stored: unknown): { type: string; slices: number } | undefined {
  try {
    const { type, slices } = JSON.parse(String(stored))
    const good = isPictureType(type) && Number.isInteger(slices) && slices > 0 && slices <= slicesMost
    return good ? { type, slices } : undefined
  } catch {
    return undefined
  }
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
