// What the binding asks of Excalidraw, as far as it needs no browser: for tests that run without one.

export { setCustomTextMetricsProvider } from "@excalidraw/excalidraw"
export { generateKeyBetween } from "fractional-indexing" // Excalidraw's own
export { editorOf } from "../../src/board/editor.ts"
