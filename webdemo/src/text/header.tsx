// What stands above a text: its name, who is here, how it stands, and what one can do with it.

import { type RefObject, useEffect, useState, useSyncExternalStore } from "react"
import { HistoryButton } from "../history/button.tsx"
import { download } from "../look/download.ts"
import { Header } from "../look/header.tsx"
import { DownloadIcon } from "../look/icons.tsx"
import { ThemeSwitch } from "../look/themeswitch.tsx"
import { PeopleBar } from "../people/bar.tsx"
import { type Person, peopleIn } from "../people/roster.ts"
import { SaveState } from "../saved/savestate.tsx"
import { ShareButton } from "../share/dialog.tsx"
import { colourOf } from "./identity.ts"
import type { Session } from "./session.ts"
import type { View } from "./view.ts"
import "./header.css"

interface TextHeaderProps {
  session: Session
  title: string
  view: View
  /** Those there is room for. */
  views: View[]
  choose: (view: View) => void
  following: string | undefined
  follow: (session: string | undefined) => void
  past: boolean
  togglePast: () => void
  historyButton: RefObject<HTMLButtonElement | null>
}

const viewNames: Record<View, string> = { edit: "Edit", both: "Side by side", preview: "Preview" }

export function TextHeader(props: TextHeaderProps) {
  const { session, title, view, views, choose, following, follow, past, togglePast, historyButton } = props
  const { place, provider, text } = session
  const people = usePeople(session)
  const colour = useSyncExternalStore(
    (changed) => {
      provider.awareness.on("change", changed)
      return () => provider.awareness.off("change", changed)
    },
    () => colourOf(provider),
  )
  return (
    <Header title={title}>
      <SaveState doc={provider.document} recover={() => provider.recover()} />
      <PeopleBar people={people} colour={colour} following={following} onFollow={follow} />
      <fieldset className="header-views" disabled={past}>
        <legend className="only-heard">What is shown</legend>
        {views.map((each) => (
          <button key={each} type="button" aria-pressed={each === view} onClick={() => choose(each)}>
            {viewNames[each]}
          </button>
        ))}
      </fieldset>
      <div className="header-tools">
        <HistoryButton ref={historyButton} open={past} toggle={togglePast} />
        <button
          type="button"
          className="header-tool"
          title="Download as Markdown"
          aria-label="Download as Markdown"
          onClick={() => download(`${place.name}.md`, text.toString(), "text/markdown;charset=utf-8")}
        >
          <DownloadIcon />
        </button>
        <ThemeSwitch />
      </div>
      <ShareButton place={place} />
    </Header>
  )
}

/** The others, kept current. */
function usePeople({ provider: { document } }: Session): Person[] {
  const [people, setPeople] = useState(() => peopleIn(document))
  useEffect(() => {
    const look = () => setPeople(peopleIn(document))
    look()
    return document.presence.on("change", look)
  }, [document])
  return people
}
