// A small picture of the board for the start page, renewed now and then while the board changes.

import { exportToBlob } from "@excalidraw/excalidraw"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import type { Place } from "../link/link.ts"
import { remember } from "../recent/recent.ts"

/** How long it has to be quiet, and the least time between two pictures, ms. */
const quiet = 3000

/** The longer side, pixels. */
const size = 320

/** A board with more is pictured only while it is small: it would stop the page for a moment. */
const most = 3000

/** Renews a board's picture after changes, until the returned function is called. */
export function keepThumbnail(place: Place, api: ExcalidrawImperativeAPI): () => void {
  remember(place)
  let timer: ReturnType<typeof setTimeout> | undefined
  let pictured = picturedState(api)
  const off = api.onChange(() => {
    if (timer !== undefined || picturedState(api) === pictured) return
    timer = setTimeout(async () => {
      timer = undefined
      pictured = picturedState(api)
      const thumbnail = await picture(api).catch(() => undefined)
      if (thumbnail) remember({ ...place, thumbnail })
    }, quiet)
  })
  return () => {
    off()
    clearTimeout(timer)
  }
}

/** Tells two states of a board apart. */
function picturedState(api: ExcalidrawImperativeAPI): number {
  return api.getSceneElements().reduce((sum, { version }) => sum + version, 0)
}

async function picture(api: ExcalidrawImperativeAPI): Promise<string | undefined> {
  const elements = api.getSceneElements()
  if (elements.length === 0 || elements.length > most) return undefined
  const blob = await exportToBlob({
    elements,
    files: api.getFiles(),
    appState: { exportBackground: true, viewBackgroundColor: "#ffffff" },
    maxWidthOrHeight: size,
    mimeType: "image/webp",
    quality: 0.6,
  })
  return new Promise((resolve) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.readAsDataURL(blob)
  })
}
