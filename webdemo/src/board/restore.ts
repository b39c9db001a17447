// Bringing back a board as it was: as new changes of what is there, so that nothing is lost by it, and undo takes it back.

import { CaptureUpdateAction } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import { nonce } from "../binding/element.ts"
import type { Desk } from "./canvas.tsx"
import { fitAll } from "./fit.ts"

/** Makes a board's elements these, for everybody. */
export function restorePast({ api, scene }: Desk, past: readonly ExcalidrawElement[]): void {
  const then = new Map(fitAll(past).map((element) => [element.id, element]))
  const elements = api.getSceneElementsIncludingDeleted().map((now) => {
    const was = then.get(now.id)
    then.delete(now.id)
    if (was) return renewed(was, now.version)
    return now.isDeleted ? now : renewed({ ...now, isDeleted: true }, now.version)
  })
  api.updateScene({
    elements: [...elements, ...[...then.values()].map((element) => renewed(element, element.version))],
    captureUpdate: CaptureUpdateAction.IMMEDIATELY,
  })
  scene.changed()
}

function renewed(element: ExcalidrawElement, after: number): ExcalidrawElement {
  return { ...element, version: after + 1, versionNonce: nonce() } as ExcalidrawElement
}
