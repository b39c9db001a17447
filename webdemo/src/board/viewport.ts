// Where places of the board are on the screen: for what lies over the canvas, and to move the canvas to a place.

import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { flushSync } from "react-dom"

type Api = ExcalidrawImperativeAPI

interface Place {
  x: number
  y: number
}

/** Returns a place of the board as one over the canvas, in CSS pixels from its top left. */
export function onScreen(api: Api, { x, y }: Place): Place {
  const { scrollX, scrollY, zoom } = api.getAppState()
  return { x: (x + scrollX) * zoom.value, y: (y + scrollY) * zoom.value }
}

/** The reverse of {@link onScreen}. */
export function onBoard(api: Api, { x, y }: Place): Place {
  const { scrollX, scrollY, zoom } = api.getAppState()
  return { x: x / zoom.value - scrollX, y: y / zoom.value - scrollY }
}

/** How long the canvas takes to go somewhere, ms. */
const way = 300

/** Moves the canvas until a place of the board is where `to` says, in parts of the canvas's size. */
export function lookAt(api: Api, { x, y }: Place, to: [number, number] = [0.5, 0.5]): void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches
  requestAnimationFrame((began) => {
    const { width, height, zoom, scrollX, scrollY } = api.getAppState()
    const end = [(width * to[0]) / zoom.value - x, (height * to[1]) / zoom.value - y] as const
    let last: [number, number] = [scrollX, scrollY]
    const step = (now: number) => {
      const state = api.getAppState()
      if (state.scrollX !== last[0] || state.scrollY !== last[1]) return // the user goes elsewhere
      const part = still ? 1 : Math.min(1, (now - began) / way)
      const eased = 1 - (1 - part) ** 3
      last = [scrollX + (end[0] - scrollX) * eased, scrollY + (end[1] - scrollY) * eased]
      const appState = { scrollX: last[0], scrollY: last[1] }
      // At once: what React does in its own time may come after the next step, which would take it for the user's doing.
      flushSync(() => api.updateScene({ appState }))
      if (part < 1) requestAnimationFrame(step)
    }
    step(began)
  })
}
