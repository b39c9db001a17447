// Bringing a .excalidraw file onto the board: its elements come beside what is there, as new ones, so that nothing of
// anybody is replaced.

import { CaptureUpdateAction, getCommonBounds, loadFromBlob } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"

/** What a file dialog offers: a scene, or a picture that has one in it. */
export const importable = ".excalidraw,.json,.png,.svg"

/** Puts what a file holds into the middle of the view, selected. It throws a sentence for the user. */
export async function importScene(api: ExcalidrawImperativeAPI, file: Blob): Promise<void> {
  const loaded = await loadFromBlob(file, null, null).catch(() => {
    throw new Error("This is no Excalidraw file, or it is damaged.")
  })
  const { scrollX, scrollY, zoom, width, height } = api.getAppState()
  const middle: [number, number] = [width / 2 / zoom.value - scrollX, height / 2 / zoom.value - scrollY]
  const added = asNew(
    loaded.elements.filter(({ isDeleted }) => !isDeleted),
    middle,
  )
  if (added.length === 0) throw new Error("There is nothing on the board in this file.")
  api.addFiles(Object.values(loaded.files))
  api.updateScene({
    elements: [...api.getSceneElementsIncludingDeleted(), ...added],
    appState: { selectedElementIds: Object.fromEntries(added.map(({ id }) => [id, true as const])) },
    captureUpdate: CaptureUpdateAction.IMMEDIATELY,
  })
  api.scrollToContent(added, { fitToViewport: true, viewportZoomFactor: 0.8 })
}

/** Returns copies with names of their own, which name each other as the originals did, around a place. */
export function asNew(elements: readonly ExcalidrawElement[], [x, y]: [number, number]): ExcalidrawElement[] {
  if (elements.length === 0) return []
  const names = new Map<string, string>()
  const renamed = <T extends string | null | undefined>(name: T): T | string => {
    if (!name) return name
    const known = names.get(name) ?? crypto.getRandomValues(new Uint32Array(4)).join("")
    names.set(name, known)
    return known
  }
  for (const { id } of elements) renamed(id)
  // What is named and is not in the file is not there.
  const link = (name: string | null | undefined) => (name && names.has(name) ? renamed(name) : null)
  const bound = <T extends { elementId: string } | null | undefined>(binding: T) =>
    binding && names.has(binding.elementId) ? { ...binding, elementId: renamed(binding.elementId) } : null
  const [left, top, right, bottom] = getCommonBounds(elements)
  const [dx, dy] = [x - (left + right) / 2, y - (top + bottom) / 2]
  return elements.map((element) => {
    const copy: Record<string, unknown> = {
      ...element,
      id: renamed(element.id),
      x: element.x + dx,
      y: element.y + dy,
      index: null, // in front of all
      version: 1,
      versionNonce: element.versionNonce + 1,
      frameId: link(element.frameId),
      groupIds: element.groupIds.map((group) => renamed(`group ${group}`)),
      boundElements:
        element.boundElements?.flatMap((b) => (names.has(b.id) ? [{ ...b, id: renamed(b.id) }] : [])) ?? null,
    }
    if (element.type === "text") copy.containerId = link(element.containerId)
    if (element.type === "line" || element.type === "arrow") {
      copy.startBinding = bound(element.startBinding)
      copy.endBinding = bound(element.endBinding)
    }
    return copy as unknown as ExcalidrawElement
  })
}
