// A text's past, in the editor's place: as it was, and who wrote what.

import { EditorState, type Range, StateEffect, StateField, type Text } from "@codemirror/state"
import { Decoration, type DecorationSet, EditorView } from "@codemirror/view"
import { useEffect, useRef, useState } from "react"
import { authorOf, type People } from "../history/authors.ts"
import { ReadingBar, useReading } from "../history/reading.tsx"
import { History } from "../history/slider.tsx"
import { edits } from "./diff.ts"
import { Past, type PastText } from "./past.ts"
import type { Session } from "./session.ts"
import { looks } from "./setup.ts"
import "./pastpage.css"

interface PastPageProps {
  session: Session
  /** Where the text is now. */
  editor: EditorView
  readOnly: boolean
  close: () => void
}

export function PastPage({ session, editor, readOnly, close }: PastPageProps) {
  const { place, provider, people, undo } = session
  const reading = useReading(provider.document, Past.open)
  const [shown, setShown] = useState<PastText>()
  // One Map for all the time that one looks: who comes meanwhile has written nothing of this.
  const [known] = useState<People>(() => new Map(people.entries()))
  const past = reading.ready
  const restore = (index: number) => {
    if (!past) return
    // One step of its own, for whoever wants to undo it.
    undo.stopCapturing()
    editor.dispatch({ changes: edits(editor.state.sliceDoc(), past.at(index).text), userEvent: "restore" })
    undo.stopCapturing()
  }
  return (
    <>
      <main className="past">
        <PastView name={place.name} before={editor.state.doc} shown={shown} people={known} />
      </main>
      {past ? (
        <History
          log={past.log}
          people={known}
          show={(index) => setShown(past.at(index))}
          restore={readOnly ? undefined : restore}
          close={close}
        />
      ) : (
        <ReadingBar reading={reading} close={close} />
      )}
    </>
  )
}

const setAuthors = StateEffect.define<DecorationSet>()

const authors = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (now, { effects }) => effects.find((effect) => effect.is(setAuthors))?.value ?? now,
  provide: (field) => EditorView.decorations.from(field),
})

interface PastViewProps {
  name: string
  /** What one sees until the past is there. */
  before: Text
  shown: PastText | undefined
  people: People
}

function PastView({ name, before, shown, people }: PastViewProps) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  const [begin] = useState(before)
  useEffect(() => {
    const made = new EditorView({
      doc: begin,
      parent: place.current as HTMLElement,
      extensions: [
        looks,
        authors,
        EditorState.readOnly.of(true),
        EditorView.editable.of(false),
        EditorView.contentAttributes.of({
          "aria-label": `Text of ${name}, as it was`,
          "aria-readonly": "true",
          tabindex: "0",
        }),
      ],
    })
    view.current = made
    return () => made.destroy()
  }, [name, begin])
  useEffect(() => {
    const { current } = view
    if (!current || !shown) return
    const changes = edits(current.state.sliceDoc(), shown.text)
    const first = shown.stretches.find((stretch) => stretch.new)
    const effects: StateEffect<unknown>[] = [setAuthors.of(decorationsOf(shown, people))]
    // What was just written should be in sight.
    if (first) effects.push(EditorView.scrollIntoView(first.from, { y: "nearest", yMargin: 60 }))
    current.dispatch({ changes, effects })
  }, [shown, people])
  return <div className="editor past-text" ref={place} />
}

function decorationsOf({ stretches }: PastText, people: People): DecorationSet {
  const marks: Range<Decoration>[] = stretches.flatMap((stretch) => {
    if (stretch.actor === "") return []
    const { colour } = authorOf({ actor: stretch.actor }, people)
    const style = `--author: ${colour}`
    const mark = Decoration.mark({ class: stretch.new ? "past-new" : "past-old", attributes: { style } })
    return mark.range(stretch.from, stretch.to)
  })
  return Decoration.set(marks)
}
