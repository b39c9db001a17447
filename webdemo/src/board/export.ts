import { serializeAsJSON } from "@excalidraw/excalidraw"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { download } from "../look/download.ts"

/** Gives the user the board as a .excalidraw file, pictures included. */
export function exportScene(api: ExcalidrawImperativeAPI): void {
  const text = serializeAsJSON(api.getSceneElements(), api.getAppState(), api.getFiles(), "local")
  download(`${api.getName()}.excalidraw`, text, "application/vnd.excalidraw+json")
}
