// A page that exports scenes as Excalidraw does, for pictures to compare with.

import "../../src/board/assets.ts"
import { exportToCanvas, serializeAsJSON } from "@excalidraw/excalidraw"
import type { ExcalidrawElement, NonDeleted } from "@excalidraw/excalidraw/element/types"
import type { AppState, BinaryFiles } from "@excalidraw/excalidraw/types"

export interface Exporting {
  /** Returns a picture as lossless WebP in base64, its colours rounded to multiples of 8: a third of what it is else. */
  picture(elements: readonly ExcalidrawElement[], files: BinaryFiles): Promise<string>
  json(elements: readonly ExcalidrawElement[], files: BinaryFiles): string
}

/** What the page of a board has, as far as a file has it. */
const appState: Partial<AppState> = {
  gridSize: 20,
  gridStep: 5,
  gridModeEnabled: false,
  viewBackgroundColor: "#ffffff",
  exportBackground: true,
}

const exporting: Exporting = {
  async picture(elements, files) {
    const canvas = await exportToCanvas({ elements: alive(elements), files, appState })
    const context = canvas.getContext("2d") as CanvasRenderingContext2D
    const image = context.getImageData(0, 0, canvas.width, canvas.height)
    image.data.forEach((v, i) => {
      image.data[i] = Math.min(Math.round(v / 8) * 8, 255)
    })
    context.putImageData(image, 0, 0)
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/webp", 1))
    if (!blob) throw new Error("the picture cannot be encoded")
    const bytes = new Uint8Array(await blob.arrayBuffer())
    return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""))
  },
  json: (elements, files) => serializeAsJSON(elements, appState, files, "local"),
}

function alive(elements: readonly ExcalidrawElement[]): NonDeleted<ExcalidrawElement>[] {
  return elements.filter((element) => !element.isDeleted) as NonDeleted<ExcalidrawElement>[]
}

Object.assign(window, { exporting })
