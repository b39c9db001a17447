// Others' cursors, as elements over the canvas: they glide between the twenty places a second that come, keep one size at
// any zoom, and fade where nobody moves them.

import type { Participant } from "./presence.ts"
import "./cursors.css"

/** How the canvas lies: x on the screen = (x on the board + scrollX) · zoom. */
export interface Viewport {
  scrollX: number
  scrollY: number
  zoom: number
}

/** How long a cursor takes to where it was last seen, ms: a little more than what lies between two such places. */
const glide = 70

/** After how long without a move it fades, ms. */
const idle = 5000

interface Cursor {
  node: HTMLElement
  label: HTMLElement
  from: [number, number]
  to: [number, number]
  /** When it began to move to `to`. */
  since: number
  fading: ReturnType<typeof setTimeout>
}

/** The cursors over a canvas. */
export class Cursors {
  #layer: HTMLElement
  #cursors = new Map<string, Cursor>()
  #viewport: Viewport = { scrollX: 0, scrollY: 0, zoom: 1 }
  #frame = 0

  /** `layer` lies over the canvas and is this object's alone. */
  constructor(layer: HTMLElement) {
    this.#layer = layer
  }

  /** Says who is here. */
  update(participants: ReadonlyMap<string, Participant>): void {
    for (const [session, cursor] of this.#cursors) {
      if (!participants.get(session)?.pointer) this.#remove(session, cursor)
    }
    for (const [session, participant] of participants) {
      if (participant.pointer) this.#move(session, participant, participant.pointer)
    }
    this.#draw()
  }

  /** Says how the canvas lies now. */
  look(viewport: Viewport): void {
    this.#viewport = viewport
    this.#draw()
  }

  close(): void {
    for (const [session, cursor] of this.#cursors) this.#remove(session, cursor)
    cancelAnimationFrame(this.#frame)
  }

  #move(session: string, { name, colour }: Participant, to: [number, number]): void {
    const now = performance.now()
    let cursor = this.#cursors.get(session)
    if (!cursor) {
      cursor = create(to)
      this.#layer.append(cursor.node)
      this.#cursors.set(session, cursor)
    }
    cursor.node.style.setProperty("--colour", colour)
    if (cursor.label.textContent !== name) cursor.label.textContent = name
    if (to[0] === cursor.to[0] && to[1] === cursor.to[1]) return
    cursor.from = placeOf(cursor, now)
    cursor.to = to
    cursor.since = now
    cursor.node.classList.remove("cursor-idle")
    clearTimeout(cursor.fading)
    cursor.fading = fade(cursor.node)
  }

  #remove(session: string, { node, fading }: Cursor): void {
    clearTimeout(fading)
    node.remove()
    this.#cursors.delete(session)
  }

  /** Draws as long as something moves. */
  #draw(): void {
    cancelAnimationFrame(this.#frame)
    const now = performance.now()
    const { scrollX, scrollY, zoom } = this.#viewport
    let moving = false
    for (const cursor of this.#cursors.values()) {
      const [x, y] = placeOf(cursor, now)
      cursor.node.style.transform = `translate(${(x + scrollX) * zoom}px, ${(y + scrollY) * zoom}px)`
      moving ||= now < cursor.since + glide
    }
    if (moving) this.#frame = requestAnimationFrame(() => this.#draw())
  }
}

function placeOf({ from, to, since }: Cursor, now: number): [number, number] {
  const part = Math.min(1, (now - since) / glide)
  return [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part]
}

function create(at: [number, number]): Cursor {
  const node = document.createElement("div")
  node.className = "cursor"
  node.setAttribute("aria-hidden", "true")
  node.innerHTML =
    '<svg width="18" height="20" viewBox="0 0 18 20"><path d="M1 1v15l4.2-3.4 3 6.4 3.2-1.5-3-6.2 6.1-.6z" stroke="#fff" stroke-width="1.5" stroke-linejoin="round"/></svg>'
  const label = document.createElement("span")
  node.append(label)
  return { node, label, from: at, to: at, since: 0, fading: fade(node) }
}

function fade(node: HTMLElement): ReturnType<typeof setTimeout> {
  return setTimeout(() => node.classList.add("cursor-idle"), idle)
}
