// The Excalidraw of the page, as the binding sees it.

import { CaptureUpdateAction, isInvisiblySmallElement } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import type { Editor } from "../binding/agreement.ts"
import type { Shelf } from "../binding/files.ts"
import { fit } from "./fit.ts"

export function editorOf(api: ExcalidrawImperativeAPI): Editor {
  return {
    elements: () => api.getSceneElementsIncludingDeleted(),
    state: () => api.getAppState(),
    show(elements, moved) {
      const before = new Map(
        api.getSceneElementsIncludingDeleted().map((element: ExcalidrawElement) => [element.id, element]),
      )
      api.updateScene({ elements, captureUpdate: CaptureUpdateAction.NEVER })
      if (moved.size === 0) return
      // What Excalidraw has drawn of an element it keeps by the object: a new one costs a canvas, which for 2,000 takes a
      // second. So those that only moved are put back as the objects that they were. Not at once: objects that changed
      // under its hands it takes for the user's doing, and would let undo take back.
      const same = elements.map((element) => {
        const old = moved.has(element.id) ? before.get(element.id) : undefined
        return old ? Object.assign(old, element) : element
      })
      api.updateScene({ elements: same, captureUpdate: CaptureUpdateAction.NEVER })
    },
    // A text that nobody has measured is not small, and neither is one that a file brought so.
    invisible: (element: ExcalidrawElement) =>
      isInvisiblySmallElement(element) && !(element.type === "text" && element.originalText !== ""),
    fit,
  }
}

/** The images of the page's Excalidraw. */
export function shelfOf(api: ExcalidrawImperativeAPI): Shelf {
  return {
    has: (id) => Object.hasOwn(api.getFiles(), id),
    get: (id) => (Object.hasOwn(api.getFiles(), id) ? api.getFiles()[id] : undefined),
    add: (files) => api.addFiles(files),
  }
}
