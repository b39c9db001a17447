import "./assets.ts"
import { Excalidraw } from "@excalidraw/excalidraw"
import "@excalidraw/excalidraw/index.css"
import { mount } from "../look/mount.ts"

mount(
  <div style={{ position: "fixed", inset: 0 }}>
    <Excalidraw autoFocus handleKeyboardGlobally />
  </div>,
)
