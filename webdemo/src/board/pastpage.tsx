// A board's past, over the board: as it was, and who drew what. The board itself goes on behind it.

import { CaptureUpdateAction, Excalidraw } from "@excalidraw/excalidraw"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { useCallback, useEffect, useState } from "react"
import type { Board } from "../binding/schema.ts"
import { authorOf, type People } from "../history/authors.ts"
import type { Log, ReadOptions } from "../history/log.ts"
import { ReadingBar, useReading } from "../history/reading.tsx"
import { History } from "../history/slider.tsx"
import type { Theme } from "../look/theme.ts"
import type { Desk } from "./canvas.tsx"
import { fitAll } from "./fit.ts"
import { collaborator, showCollaborators } from "./outlines.ts"
import { Past } from "./past.ts"
import { restorePast } from "./restore.ts"
import "./pastpage.css"

interface PastPageProps {
  desk: Desk
  theme: Theme
  readOnly: boolean
  close: () => void
}

export function PastPage({ desk, theme, readOnly, close }: PastPageProps) {
  const { board } = desk.session
  const prepare = useCallback(
    (log: Log, options: ReadOptions) => {
      desk.scene.flush()
      return Past.open(log, board.doc, options)
    },
    [desk, board],
  )
  const reading = useReading(board.document, prepare)
  const [people] = useState(() => peopleOf(board.doc))
  const [api, setApi] = useState<ExcalidrawImperativeAPI>()
  const [index, setIndex] = useState<number>()
  const [byAuthor, setByAuthor] = useState(false)
  const past = reading.ready

  useEffect(() => {
    if (!api || !past || index === undefined) return
    api.updateScene({ elements: fitAll(past.at(index)), captureUpdate: CaptureUpdateAction.NEVER })
    outline(api, byAuthor ? past.makers() : lastAuthor(past, index), people)
  }, [api, past, index, byAuthor, people])

  return (
    <>
      <section className="past" aria-label="The board as it was">
        <Excalidraw
          excalidrawAPI={setApi}
          viewModeEnabled
          zenModeEnabled
          theme={theme}
          validateEmbeddable={false}
          initialData={() => begin(desk)}
          UIOptions={{ canvasActions: { export: false, loadScene: false, saveAsImage: false } }}
        />
        <label className="past-authors">
          <input type="checkbox" checked={byAuthor} onChange={(event) => setByAuthor(event.target.checked)} />
          Who drew what
        </label>
      </section>
      {past ? (
        <History
          log={past.log}
          people={people}
          show={setIndex}
          restore={readOnly ? undefined : (to) => restorePast(desk, past.at(to))}
          close={close}
        />
      ) : (
        <ReadingBar reading={reading} close={close} />
      )}
    </>
  )
}

/** The board as it is and lies now, until the past is there. */
function begin({ api }: Desk) {
  const { scrollX, scrollY, zoom, viewBackgroundColor } = api.getAppState()
  return {
    elements: api.getSceneElements(),
    files: api.getFiles(),
    appState: { scrollX, scrollY, zoom, viewBackgroundColor },
  }
}

/** Actor → name and colour. Where somebody writes at older heads, Automerge puts something before the actor's id. */
function peopleOf({ people }: Board): People {
  const known = new Map<string, unknown>()
  for (const [actor, said] of Object.entries(people ?? {})) {
    try {
      known.set(actor, JSON.parse(String(said)))
    } catch {
      // Somebody wrote something else there.
    }
  }
  known.set("0".repeat(32), { name: "The beginning", colour: "#495057" }) // the change that all boards begin with
  const get = (actor: string) => known.get(actor) ?? [...known].find(([id]) => actor.endsWith(id))?.[1]
  return Object.assign(new Map(known), { get })
}

function lastAuthor(past: Past, index: number): Map<string, string[]> {
  const moment = past.log.moments[index - 1]
  return new Map(moment ? [[moment.actor, [...past.lastTouched(index)]]] : [])
}

/** Draws outlines in the authors' colours. */
function outline(api: ExcalidrawImperativeAPI, drawn: Map<string, string[]>, people: People): void {
  const authors = [...drawn].map(([actor, ids]) => collaborator(actor, authorOf({ actor }, people), ids))
  showCollaborators(api, authors)
}
