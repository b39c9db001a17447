// The Excalidraw of a board, and what binds it to the document and to the others.

import { Excalidraw } from "@excalidraw/excalidraw"
import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"
import type { AppState, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { type ReactNode, useEffect, useRef, useState } from "react"
import "@excalidraw/excalidraw/index.css"
import { Files } from "../binding/files.ts"
import { SceneBinding } from "../binding/scene.ts"
import type { Theme } from "../look/theme.ts"
import { Carry } from "./carry.ts"
import { Company } from "./company.ts"
import { Cursors } from "./cursors.ts"
import { editorOf, shelfOf } from "./editor.ts"
import { importScene } from "./import.ts"
import type { Session } from "./session.ts"
import "./canvas.css"

/** What there is once the canvas and the document have both come. */
export interface Desk {
  session: Session
  api: ExcalidrawImperativeAPI
  scene: SceneBinding
  company: Company
  carry: Carry
  files: Files
}

interface CanvasProps {
  /** What files that are exported are called. */
  name: string
  /** Undefined while it is on its way: one can draw already. */
  session: Session | undefined
  /** While the past lies over it; it goes on meanwhile. */
  hidden: boolean
  readOnly: boolean
  theme: Theme
  onDesk: (desk: Desk | undefined) => void
  /** What lies over the canvas. */
  over?: ReactNode
  /** What lies on the canvas, and the menu. */
  children?: ReactNode
}

export function Canvas({ name, session, hidden, readOnly, theme, onDesk, over, children }: CanvasProps) {
  const [api, setApi] = useState<ExcalidrawImperativeAPI>()
  const layer = useRef<HTMLDivElement>(null)
  const desk = useRef<Desk>(undefined)

  useEffect(() => {
    if (!api || !session || !layer.current) return undefined
    const made = sit(session, api, layer.current)
    desk.current = made
    onDesk(made)
    return () => {
      desk.current = undefined
      onDesk(undefined)
      made.scene.close()
      made.files.close()
      made.carry.close()
      made.company.close()
    }
  }, [api, session, onDesk])

  return (
    <main
      className="canvas"
      aria-label="Whiteboard"
      inert={hidden}
      onPointerLeave={() => desk.current?.company.pointed(undefined, false)}
      onDropCapture={(event) => {
        // Excalidraw would open it in the place of the whole board.
        const file = event.dataTransfer.files[0]
        if (!api || !file || !/\.(excalidraw|json)$/i.test(file.name)) return
        event.preventDefault()
        event.stopPropagation()
        if (!readOnly)
          importScene(api, file).catch((error: Error) => api.setToast({ message: error.message }))
      }}
    >
      <Excalidraw
        excalidrawAPI={setApi}
        name={name}
        autoFocus
        handleKeyboardGlobally
        isCollaborating
        aiEnabled={false}
        validateEmbeddable={false}
        viewModeEnabled={readOnly}
        theme={theme}
        UIOptions={{
          canvasActions: { loadScene: false, toggleTheme: true, changeViewBackgroundColor: false },
        }}
        onChange={(elements, state) => {
          if (desk.current) changed(desk.current, elements, state)
        }}
        onScrollChange={() => api && desk.current?.company.looked(api.getAppState())}
        onPointerUpdate={({ pointer, button }) => desk.current?.company.pointed(pointer, button === "down")}
      >
        {children}
      </Excalidraw>
      <div className="cursors" ref={layer} />
      {over}
    </main>
  )
}

function sit(session: Session, api: ExcalidrawImperativeAPI, layer: HTMLElement): Desk {
  const company = new Company(session, api, new Cursors(layer))
  const scene = new SceneBinding(session.board, editorOf(api), {
    author: () => company.author,
    problem: (message) => api.setToast({ message, closable: true, duration: 10_000 }),
  })
  const desk = {
    session,
    api,
    scene,
    company,
    carry: new Carry(session, scene, company),
    files: new Files(session.board, shelfOf(api)),
  }
  changed(desk, api.getSceneElements(), api.getAppState()) // what was drawn before the document had come
  // It would be fetched for the first text, and if there is no network then, never again.
  document.fonts.load("20px Excalifont").catch(() => {})
  return desk
}

/** Something in the editor may have changed. */
function changed(
  { scene, company, carry, files }: Desk,
  elements: readonly ExcalidrawElement[],
  state: AppState,
): void {
  scene.changed()
  carry.changed()
  company.looked(state)
  files.write(elements.flatMap((e) => (e.type === "image" && !e.isDeleted && e.fileId ? [e.fileId] : [])))
}
