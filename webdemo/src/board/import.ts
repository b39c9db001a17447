// Bringing a .excalidraw file onto the board: its elements come beside what is there, as new ones, so that nothing of
// anybody is replaced. They come as everybody will have them: what a board does not take is left out for the importer too,
// and said.

import { CaptureUpdateAction, getCommonBounds, restoreElements } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { BinaryFileData, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { elementOf, record } from "../binding/element.ts"
import { fileOf } from "../binding/files.ts"
import { pictureOf } from "../binding/picture.ts"
import { kindsOf } from "../binding/schema.ts"
import { sharedOf } from "../binding/shared.ts"
import { fitAll } from "./fit.ts"
import { sceneIn } from "./scenein.ts"

/** What a file dialog offers: a scene, or a picture that has one in it. */
export const importable = ".excalidraw,.json,.png,.svg"

/** What of a file did not come as it was. */
export interface Losses {
  /** How many elements no board has. */
  elements: number
  /** Why pictures are missing. */
  pictures: string[]
  /** Properties that had values which no board takes. */
  changed: Set<string>
  /** Properties that boards do not have. */
  left: Set<string>
}

/** Puts what a file holds onto the board, and tells the user what of it did not come as it was, or why nothing did. */
export async function importFile(api: ExcalidrawImperativeAPI, file: Blob): Promise<void> {
  try {
    const said = sayingOf(await importScene(api, file))
    if (said) api.setToast({ message: said, closable: true, duration: Number.POSITIVE_INFINITY })
  } catch (error) {
    api.setToast({ message: (error as Error).message, closable: true, duration: 10_000 })
  }
}

/** Puts what a file holds into the middle of the view, selected. It throws a sentence for the user. */
async function importScene(api: ExcalidrawImperativeAPI, file: Blob): Promise<Losses> {
  const scene = await readScene(file).catch(() => {
    throw new Error("This is no Excalidraw file, or it is damaged.")
  })
  const losses: Losses = { elements: 0, pictures: [], changed: new Set(), left: new Set() }
  const { scrollX, scrollY, zoom, width, height } = api.getAppState()
  const middle: [number, number] = [width / 2 / zoom.value - scrollX, height / 2 / zoom.value - scrollY]
  const added = asNew(elementsOf(scene.elements, losses), middle).map((element) => shared(element, losses))
  if (added.length === 0) throw new Error("There is nothing on the board in this file.")
  api.addFiles(picturesOf(added, scene.files, losses))
  api.updateScene({
    elements: [...api.getSceneElementsIncludingDeleted(), ...added],
    appState: { selectedElementIds: Object.fromEntries(added.map(({ id }) => [id, true as const])) },
    captureUpdate: CaptureUpdateAction.IMMEDIATELY,
  })
  api.scrollToContent(added, { fitToViewport: true, viewportZoomFactor: 0.8 })
  return losses
}

/** What a file has, which may be anything. */
interface Scene {
  elements: readonly unknown[]
  files: unknown
}

async function readScene(file: Blob): Promise<Scene> {
  // Not by Excalidraw's loadFromBlob, which refuses all for one odd element.
  const text = file.type.startsWith("image/") ? await sceneIn(file) : await file.text()
  const { type, elements, files } = JSON.parse(text)
  if (type !== "excalidraw" || !Array.isArray(elements)) throw new Error("no scene")
  return { elements, files }
}

/** Returns the elements of a file, one by one, so that an odd one takes no other with it. They lie as they are listed. */
function elementsOf(all: readonly unknown[], losses: Losses): ExcalidrawElement[] {
  const elements = new Map<string, ExcalidrawElement>()
  for (const one of all) {
    if (record(one) && one.isDeleted === true) continue
    const [element] = record(one) ? restored(one) : []
    if (element) {
      const id = elements.has(element.id) ? crypto.randomUUID() : element.id
      elements.set(id, shared({ ...element, id }, losses))
    } else if (!record(one) || !kindsOf(String(one.type))) {
      losses.elements++ // of others there is nothing to see
    }
  }
  const whole = restoreElements(fitAll([...elements.values()]), null, { repairBindings: true }).filter(
    (e) => !e.isDeleted,
  )
  losses.elements += elements.size - whole.length // nothing that could be seen was left of them
  return whole
}

/** Returns an element as this version of Excalidraw has it; none if there is no such thing, or nothing to see of it. */
function restored(raw: Record<string, unknown>): readonly ExcalidrawElement[] {
  const element = {
    ...raw,
    id: String(raw.id ?? crypto.randomUUID()),
    index: null,
  } as unknown as ExcalidrawElement
  if (raw.type === "text" && typeof raw.originalText !== "string")
    Object.assign(element, { originalText: raw.text })
  // A text of no size is one that nobody has measured: restoreElements would leave it out.
  if (raw.type === "text" && !raw.width && !raw.height) Object.assign(element, { width: 1, height: 0 })
  try {
    return restoreElements([element], null)
  } catch {
    // Excalidraw fails on a value of no sense.
    const { plain } = sharedOf(element)
    return plain.size > 0 ? restoreElements([elementOf(element.id, plain, undefined)], null) : []
  }
}

/** Returns an element as everybody will have it. */
function shared(element: ExcalidrawElement, losses: Losses): ExcalidrawElement {
  const { plain, changed, left } = sharedOf(element)
  for (const name of changed) losses.changed.add(name)
  for (const name of left) losses.left.add(name)
  return elementOf(String(element.id), plain, undefined)
}

/** Returns the pictures of elements, as a board takes them. */
function picturesOf(
  elements: readonly ExcalidrawElement[],
  files: unknown,
  losses: Losses,
): BinaryFileData[] {
  const ids = new Set(
    elements.flatMap((element) => (element.type === "image" && element.fileId ? [element.fileId] : [])),
  )
  return [...ids].flatMap((id) => {
    const file = record(files) && Object.hasOwn(files, id) ? files[id] : undefined
    try {
      if (!record(file)) throw new Error("the file does not have it")
      return [fileOf(id, pictureOf(file.dataURL, file.mimeType))]
    } catch (error) {
      losses.pictures.push((error as Error).message)
      return []
    }
  })
}

/** Says what did not come as it was; undefined if all did. */
function sayingOf({ elements, pictures, changed, left }: Losses): string | undefined {
  const lost = [
    ...(elements > 0 ? [`${count(elements, "element")} that a board cannot have`] : []),
    ...(pictures.length > 0
      ? [`${count(pictures.length, "picture")} (${[...new Set(pictures)].join("; ")})`]
      : []),
    ...left,
  ]
  const said = [
    ...(lost.length > 0 ? [`left out: ${lost.join(", ")}`] : []),
    ...(changed.size > 0 ? [`changed to what a board takes: ${[...changed].join(", ")}`] : []),
  ]
  return said.length > 0 ? `Imported. Not all came as it was in the file; ${said.join("; ")}.` : undefined
}

function count(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`
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
