// Moving a pin: by the pointer, or by the arrow keys while it has the focus. It is written once, when it is let go.

import { type KeyboardEvent, type PointerEvent, useRef } from "react"
import type { Comments, Place } from "./comments.ts"
import type { Thread } from "./threads.ts"

/** How far the pointer moves before it is a drag and no click, in CSS pixels. */
const slack = 4

/** How far an arrow key moves a pin, in CSS pixels; with Shift five times as far. */
const keyStep = 10

const arrows: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

interface Drag {
  /** Where the pointer took the pin; undefined: it is moved by keys. */
  from: { x: number; y: number } | undefined
  /** Where the pin is now; undefined: where it was. */
  to: Place | undefined
}

/** Returns the handlers of a pin's element, which is moved by its custom properties --x and --y. */
export function useDrag(comments: Comments, thread: Thread) {
  const drag = useRef<Drag>(undefined)
  const dragged = useRef(false)

  const show = (node: HTMLElement, { x, y }: Place) => {
    node.style.setProperty("--x", String(x))
    node.style.setProperty("--y", String(y))
  }
  const finish = (node: HTMLElement, keep: boolean) => {
    const to = drag.current?.to
    drag.current = undefined
    if (to && !(keep && comments.move(thread.id, to))) show(node, thread)
  }
  /** Moves the pin by so many CSS pixels from where a place of the board is. */
  const moveBy = (node: HTMLElement, start: Place, dx: number, dy: number) => {
    const zoom = comments.desk.api.getAppState().zoom.value
    const to = { x: start.x + dx / zoom, y: start.y + dy / zoom }
    if (drag.current) drag.current.to = to
    show(node, to)
  }

  return {
    /** Whether the click that comes now ends a drag. */
    wasDragged: () => dragged.current,
    handlers: {
      onPointerDown(event: PointerEvent<HTMLElement>) {
        dragged.current = false
        if (event.button !== 0 || !comments.view.writable) return
        event.currentTarget.setPointerCapture(event.pointerId)
        drag.current = { from: { x: event.clientX, y: event.clientY }, to: undefined }
      },
      onPointerMove({ currentTarget, clientX, clientY }: PointerEvent<HTMLElement>) {
        const from = drag.current?.from
        if (!from) return
        const [dx, dy] = [clientX - from.x, clientY - from.y]
        if (!dragged.current && Math.hypot(dx, dy) < slack) return
        dragged.current = true
        moveBy(currentTarget, thread, dx, dy)
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => finish(event.currentTarget, true),
      onPointerCancel: (event: PointerEvent<HTMLElement>) => finish(event.currentTarget, false),
      onBlur: (event: { currentTarget: HTMLElement }) => finish(event.currentTarget, true),
      onKeyDown(event: KeyboardEvent<HTMLElement>) {
        const node = event.currentTarget
        const arrow = arrows[event.key]
        if (event.key === "Escape" && drag.current) finish(node, false)
        if (!arrow || !comments.view.writable || event.ctrlKey || event.metaKey || event.altKey) return
        event.preventDefault()
        const step = event.shiftKey ? 5 * keyStep : keyStep
        drag.current ??= { from: undefined, to: undefined }
        moveBy(node, drag.current.to ?? thread, arrow[0] * step, arrow[1] * step)
      },
      onKeyUp(event: KeyboardEvent<HTMLElement>) {
        if (arrows[event.key]) finish(event.currentTarget, true)
      },
    },
  }
}
