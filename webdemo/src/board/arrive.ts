// Where one looks when one comes to a board: at what is on it, if that lies elsewhere.

import { elementsOverlappingBBox } from "@excalidraw/excalidraw"
import type { Desk } from "./canvas.tsx"

/** Brings the board's content into view once it is here, unless half of it is, or the user has begun. */
export function arrive({ api, session }: Desk): () => void {
  const { document: doc } = session.board
  const off: (() => void)[] = []
  const leave = () => {
    for (const stop of off.splice(0)) stop()
  }
  const look = () => {
    const elements = api.getSceneElements()
    if (doc.status.state === "connecting" || doc.status.state === "syncing") return
    leave()
    if (elements.length === 0) return
    const { scrollX, scrollY, width, height, zoom } = api.getAppState()
    const bounds: [number, number, number, number] = [
      -scrollX,
      -scrollY,
      width / zoom.value - scrollX,
      height / zoom.value - scrollY,
    ]
    const seen = elementsOverlappingBBox({ elements, bounds, type: "overlap" })
    if (seen.length < elements.length / 2) api.scrollToContent(elements, { fitToContent: true })
  }
  off.push(
    doc.on("status", () => requestAnimationFrame(look)), // when what came with it is in the scene
    api.onPointerDown(leave),
    api.onScrollChange(leave),
  )
  look()
  return leave
}
