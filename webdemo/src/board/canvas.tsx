// The Excalidraw of a board, and what binds it to the document and to the others.

import { CaptureUpdateAction, Excalidraw, newElementWith } from "@excalidraw/excalidraw"
import type { ExcalidrawElement, ExcalidrawImageElement } from "@excalidraw/excalidraw/element/types"
import type { AppState, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { type ReactNode, useLayoutEffect, useRef, useState } from "react"
import "@excalidraw/excalidraw/index.css"
import { Files } from "../binding/files.ts"
import { SceneBinding } from "../binding/scene.ts"
import type { Theme } from "../look/theme.ts"
import { Carry } from "./carry.ts"
import { Company } from "./company.ts"
import { Cursors } from "./cursors.ts"
import { editorOf, shelfOf } from "./editor.ts"
import { guard } from "./guard.ts"
import { importFile } from "./import.ts"
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

  // Excalidraw empties its scene when it goes. What is drawn is written before that, when layout effects end.
  useLayoutEffect(() => {
    if (!api || !session || !layer.current) return undefined
    const { desk: made, leave } = sit(session, api, layer.current)
    desk.current = made
    onDesk(made)
    return () => {
      desk.current = undefined
      onDesk(undefined)
      leave()
      guard(api, "what was drawn last may not be saved", () => made.scene.close())
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
        if (!readOnly) importFile(api, file)
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
        onScrollChange={() => {
          guard(api, "others may not see where you look", () => {
            if (api) desk.current?.company.looked(api.getAppState())
          })
        }}
        onPointerUpdate={({ pointer, button }) => {
          guard(api, "others may not see your pointer", () => {
            desk.current?.company.pointed(pointer, button === "down")
          })
        }}
      >
        {children}
      </Excalidraw>
      <div className="cursors" ref={layer} />
      {over}
    </main>
  )
}

function sit(
  session: Session,
  api: ExcalidrawImperativeAPI,
  layer: HTMLElement,
): { desk: Desk; leave: () => void } {
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
  const measure = () => scene.measure()
  document.fonts.addEventListener("loadingdone", measure)
  return { desk, leave: () => document.fonts.removeEventListener("loadingdone", measure) }
}

/** Something in the editor may have changed. */
function changed(
  { api, session, scene, company, carry, files }: Desk,
  elements: readonly ExcalidrawElement[],
  state: AppState,
): void {
  guard(api, "what you draw is not saved", () => scene.changed())
  guard(api, "others may not see what you drag", () => carry.changed())
  guard(api, "others may not see what you select", () => company.looked(state))
  guard(api, "pictures are not saved", () => {
    if (session.board.document.status.state === "read-only") return
    const images = elements.filter((element) => element.type === "image" && !element.isDeleted)
    const refused = files.write(images.flatMap((image) => (image as ExcalidrawImageElement).fileId ?? []))
    if (refused.size > 0) withoutPictures(api, refused)
  })
}

/** Has images whose pictures the board does not take show none, here as for everybody, and says why. */
function withoutPictures(api: ExcalidrawImperativeAPI, refused: ReadonlyMap<string, string>): void {
  const why = [...new Set(refused.values())].join("; ")
  const message = `A picture could not be put on this board: ${why}.`
  // Excalidraw is in the middle of something, of which this is no part.
  setTimeout(() => {
    const elements = api.getSceneElementsIncludingDeleted().map((element) => {
      const lost = element.type === "image" && element.fileId && refused.has(element.fileId)
      return lost ? newElementWith(element as ExcalidrawImageElement, { fileId: null }) : element
    })
    api.updateScene({ elements, captureUpdate: CaptureUpdateAction.NEVER })
    api.setToast({ message, closable: true, duration: Number.POSITIVE_INFINITY })
  })
}
