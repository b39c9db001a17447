import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { type CSSProperties, type ReactNode, useEffect, useRef } from "react"
import "./overlay.css"

/**
 * What lies over the canvas and moves with it, below Excalidraw's own buttons. An element in it with the class
 * `overlay-at` and the style of {@link at} keeps its place on the board, and its size at any zoom.
 */
export function Overlay({ api, children }: { api: ExcalidrawImperativeAPI; children: ReactNode }) {
  const layer = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const node = layer.current as HTMLDivElement
    const look = (scrollX: number, scrollY: number, zoom: { value: number }) => {
      node.style.setProperty("--scroll-x", String(scrollX))
      node.style.setProperty("--scroll-y", String(scrollY))
      node.style.setProperty("--zoom", String(zoom.value))
    }
    const { scrollX, scrollY, zoom } = api.getAppState()
    look(scrollX, scrollY, zoom)
    // The wheel is for the canvas below; React's own listeners could not keep it from the page.
    const pass = (event: WheelEvent) => {
      event.preventDefault()
      const canvas = node.closest(".canvas")?.querySelector("canvas.interactive")
      canvas?.dispatchEvent(new WheelEvent(event.type, event))
    }
    node.addEventListener("wheel", pass, { passive: false })
    const off = api.onScrollChange(look)
    return () => {
      off()
      node.removeEventListener("wheel", pass)
    }
  }, [api])
  return (
    <div className="overlay" ref={layer}>
      {children}
    </div>
  )
}

/** The style of an element that stands at a place of the board. */
export function at({ x, y }: { x: number; y: number }): CSSProperties {
  return { "--x": x, "--y": y } as CSSProperties
}
