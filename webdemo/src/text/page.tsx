// The text page: who is here, how it stands, the editor and the preview, and the way into the past.

import type { EditorView } from "@codemirror/view"
import { memo, useEffect, useRef, useState } from "react"
import { Refused } from "../link/refused.tsx"
import { beginningOf } from "../look/beginning.ts"
import { remember } from "../recent/recent.ts"
import { Notice } from "../saved/notice.tsx"
import { useRights } from "../saved/rights.ts"
import { type Content, countOf, headingOf, useContent } from "./content.ts"
import { Editor } from "./editor.tsx"
import { useFollowing } from "./follow.ts"
import { TextHeader } from "./header.tsx"
import { PastPage } from "./pastpage.tsx"
import { Preview } from "./preview.tsx"
import type { Session } from "./session.ts"
import { useView } from "./view.ts"
import "./page.css"

interface TextPageProps {
  session: Session
  editor: EditorView
  content: Content
}

export function TextPage({ session, editor, content }: TextPageProps) {
  const { place, provider } = session
  const source = useContent(content)
  const rights = useRights(provider.document)
  const { view, views, choose } = useView()
  const [following, follow] = useFollowing(session, editor)
  const [past, setPast] = useState(false)
  const [asking, ask] = useState(false)
  const historyButton = useRef<HTMLButtonElement>(null)
  const title = headingOf(source) ?? place.name
  useRemembered(session, source, title)

  const { status, barred, unloadable, readOnly } = rights
  if ((barred && (asking || source === "")) || (unloadable && source === ""))
    return <Refused place={place} status={status} />
  return (
    <div className="text">
      <TextHeader
        session={session}
        title={title}
        view={view}
        views={views}
        choose={choose}
        following={following}
        follow={follow}
        past={past}
        togglePast={() => setPast(!past)}
        historyButton={historyButton}
      />
      <Notice place={place} rights={rights} recover={() => provider.recover()} askAccess={() => ask(true)} />
      <main className={`text-panes text-${view}`} hidden={past}>
        <Editor view={editor} readOnly={readOnly} hidden={view === "preview"} />
        {view !== "edit" && (
          <Preview source={source} view={editor} readOnly={readOnly} beside={view === "both"} />
        )}
      </main>
      {past ? (
        <PastPage
          session={session}
          editor={editor}
          readOnly={readOnly}
          close={() => {
            setPast(false)
            historyButton.current?.focus()
          }}
        />
      ) : (
        <Counts source={source} />
      )}
    </div>
  )
}

/** Names the page after the text, and puts it among the recent ones. */
function useRemembered({ place, provider }: Session, source: string, title: string): void {
  useEffect(() => {
    document.title = `${title} - Baton`
    if (source === "" && !provider.synced) return // nobody knows yet whether there is such a text
    const timer = setTimeout(() => remember({ ...place, title, thumbnail: beginningOf(source, 300) }), 1000)
    return () => clearTimeout(timer)
  }, [place, provider, source, title])
}

/** They are not cheap in a long text, and the page is drawn for other reasons too. */
const Counts = memo(({ source }: { source: string }) => {
  const { words, characters } = countOf(source)
  return (
    <footer className="text-counts">
      <span data-testid="counts">
        {words.toLocaleString()} {words === 1 ? "word" : "words"}, {characters.toLocaleString()}{" "}
        {characters === 1 ? "character" : "characters"}
      </span>
    </footer>
  )
})
