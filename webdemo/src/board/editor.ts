// The Excalidraw of the page, as the binding sees it.

import { CaptureUpdateAction, isInvisiblySmallElement, restoreElements } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import type { Editor } from "../binding/scene.ts"

export function editorOf(api: ExcalidrawImperativeAPI): Editor {
  return {
    elements: () => api.getSceneElementsIncludingDeleted(),
    state: () => api.getAppState(),
    show: (elements) => api.updateScene({ elements, captureUpdate: CaptureUpdateAction.NEVER }),
    invisible: isInvisiblySmallElement,
    // Without repairBindings Excalidraw 0.18.1 measures nothing.
    refit: (elements): ExcalidrawElement[] =>
      restoreElements(elements, null, { repairBindings: true, refreshDimensions: true }),
  }
}
