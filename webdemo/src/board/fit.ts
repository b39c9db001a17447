// How Excalidraw draws a text: its lines, and how large it is. Excalidraw itself works it out only while somebody writes.

import { convertToExcalidrawElements, newElementWith, restoreElements } from "@excalidraw/excalidraw"
import type { ExcalidrawElement, ExcalidrawTextElement } from "@excalidraw/excalidraw/element/types"

import { misfit } from "../binding/wrap.ts"

/** What a text can be written in or on. */
const containers = new Set(["rectangle", "ellipse", "diamond", "arrow"])

type Place = Pick<ExcalidrawTextElement, "text" | "x" | "y" | "width" | "height">

/**
 * Returns a text as its `originalText` asks for, and what it is written in, if that has to grow; nothing of what stays as
 * it is.
 */
export function fit(
  text: ExcalidrawTextElement,
  container: ExcalidrawElement | undefined,
): ExcalidrawElement[] {
  if (text.originalText === "") return changed(text, { text: "" })
  try {
    if (container && containers.has(container.type)) return fitInto(text, container)
    return changed(text, alone(text))
  } catch (error) {
    console.error(error) // a text that is drawn as it was is better than no board
    return []
  }
}

/** Returns elements with their texts wrapped and measured, where that has not been done. */
export function fitAll(elements: readonly ExcalidrawElement[]): ExcalidrawElement[] {
  const misfits = elements.filter(misfit)
  if (misfits.length === 0) return [...elements]
  const byId = new Map(elements.map((element) => [element.id, element]))
  for (const text of misfits) {
    const container = text.containerId ? byId.get(text.containerId) : undefined
    for (const element of fit(text, container)) byId.set(element.id, element)
  }
  return [...byId.values()]
}

/** Measures a text by itself. */
function alone(text: ExcalidrawTextElement): Place {
  const { x, y, text: old, originalText, width, height, autoResize } = text
  const element = {
    ...text,
    // What restoreElements wraps and measures is `text`. What has no size it leaves out, and it deletes what has no text.
    text: originalText,
    width: width || 1,
    height: height || 1,
    autoResize: autoResize || width === 0,
    containerId: null,
    frameId: null,
    isDeleted: false,
  }
  // Without repairBindings Excalidraw 0.18.1 measures nothing.
  const [drawn] = restoreElements([element], null, { repairBindings: true, refreshDimensions: true })
  return (drawn as Place | undefined) ?? { x, y, text: old, width, height }
}

function fitInto(text: ExcalidrawTextElement, container: ExcalidrawElement): ExcalidrawElement[] {
  const { id, originalText, fontSize, fontFamily, lineHeight, textAlign, verticalAlign } = text
  const label = { id, text: originalText, fontSize, fontFamily, lineHeight, textAlign, verticalAlign }
  type Skeletons = Parameters<typeof convertToExcalidrawElements>[0]
  const skeleton = [{ ...container, boundElements: null, label }] as unknown as Skeletons
  const made = convertToExcalidrawElements(skeleton, { regenerateIds: false })
  const drawn = made.find((element: ExcalidrawElement) => element.id === id) as Place | undefined
  const grown = made.find((element: ExcalidrawElement) => element.id === container.id)
  return [
    ...(drawn ? changed(text, drawn) : []),
    ...(grown && container.type !== "arrow"
      ? changed(container, { width: grown.width, height: grown.height })
      : []),
  ]
}

/** Returns an element with other properties, if they are other ones. */
function changed<T extends ExcalidrawElement>(element: T, { ...props }: Partial<Place>): ExcalidrawElement[] {
  const names = ["text", "x", "y", "width", "height"] as const
  const now = Object.fromEntries(
    names.flatMap((name) => (props[name] === undefined ? [] : [[name, props[name]]])),
  )
  const next = newElementWith(element as ExcalidrawTextElement, now as Partial<Place>)
  return next === (element as ExcalidrawElement) ? [] : [next]
}
