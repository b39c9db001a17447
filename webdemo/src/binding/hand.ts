// What the user has in hand. Others' edits of it wait until it is let go: an element that two people drag would jump
// between their hands, and Excalidraw's undo would take back what came in the middle of a gesture.

import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { AppState } from "@excalidraw/excalidraw/types"

/** What of the editor's state says so. */
export type HandState = Pick<
  AppState,
  | "newElement"
  | "editingTextElement"
  | "resizingElement"
  | "multiElement"
  | "editingLinearElement"
  | "selectedLinearElement"
  | "selectedElementsAreBeingDragged"
  | "isResizing"
  | "isRotating"
  | "selectedElementIds"
  | "croppingElementId"
>

/** Returns the elements in hand, by id: those of a gesture, and what moves along with them. */
export function inHand(state: HandState, elements: Iterable<ExcalidrawElement>): Set<string> {
  const held = new Set<string>()
  const hold = (id: string | null | undefined) => {
    if (id) held.add(id)
  }
  hold(state.newElement?.id)
  hold(state.multiElement?.id)
  hold(state.resizingElement?.id)
  hold(state.editingTextElement?.id)
  hold((state.editingTextElement as { containerId?: string | null } | null)?.containerId)
  hold(state.editingLinearElement?.elementId)
  hold(state.croppingElementId)
  if (state.selectedLinearElement?.isDragging) hold(state.selectedLinearElement.elementId)
  if (state.selectedElementsAreBeingDragged || state.isResizing || state.isRotating) {
    for (const id of Object.keys(state.selectedElementIds)) held.add(id)
  }
  if (held.size === 0) return held
  for (const element of elements) {
    if (element.frameId && held.has(element.frameId)) held.add(element.id)
    if (!held.has(element.id)) continue
    for (const { id } of element.boundElements ?? []) held.add(id)
  }
  return held
}
