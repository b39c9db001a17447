import type { Status } from "@baton-relay/client"
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react"
import { CommentButtons } from "../comments/buttons.tsx"
import { useComments } from "../comments/comments.ts"
import { CommentLayer } from "../comments/layer.tsx"
import type { Place } from "../link/link.ts"
import { Refused } from "../link/refused.tsx"
import { useTheme } from "../look/theme.ts"
import { PeopleBar } from "../people/bar.tsx"
import { ReactionButton } from "../reactions/button.tsx"
import { ReactionLayer } from "../reactions/layer.tsx"
import { useReactions } from "../reactions/reactions.ts"
import { SaveState } from "../saved/savestate.tsx"
import { ShareButton } from "../share/dialog.tsx"
import { icons } from "../text/icons.tsx"
import { Canvas, type Desk } from "./canvas.tsx"
import { Header } from "./header.tsx"
import { Menu } from "./menu.tsx"
import { PastPage } from "./pastpage.tsx"
import type { Session } from "./session.ts"
import { keepThumbnail } from "./thumbnail.ts"
import "./page.css"

/** The whiteboard. */
export function BoardPage({ place, entering }: { place: Place; entering: Promise<Session> }) {
  const [session, setSession] = useState<Session>()
  const [desk, setDesk] = useState<Desk>()
  const theme = useTheme()
  const showDesk = useCallback((desk: Desk | undefined) => {
    setDesk(desk)
    Object.assign(window, { baton: desk }) // for the console, and for tests
  }, [])
  useEffect(() => {
    entering.then(setSession)
  }, [entering])
  useEffect(() => desk && keepThumbnail(place, desk.api), [place, desk])
  const [past, setPast] = useState(false)
  const historyButton = useRef<HTMLButtonElement>(null)
  const comments = useComments(desk)
  const reactions = useReactions(desk)

  const status = useStatus(session)
  if (session && status?.state === "refused" && !session.board.document.refusal) {
    return <Refused place={place} status={status} />
  }
  // Rights that are not known yet may be there: what is drawn offline waits for them.
  const readOnly = status?.access !== undefined && !status.access.includes("write")
  return (
    <div className="board">
      <Header name={place.name}>
        {session && <SaveState doc={session.board.document} recover={() => session.board.recover()} />}
        {reactions && <ReactionButton reactions={reactions} />}
        {comments && <CommentButtons comments={comments} />}
        {desk && (
          <button
            ref={historyButton}
            type="button"
            className="header-tool"
            title="History"
            aria-label="History"
            aria-pressed={past}
            disabled={past}
            onClick={() => setPast(true)}
          >
            {icons.history}
          </button>
        )}
        {desk && <Others desk={desk} />}
        <ShareButton place={place} />
      </Header>
      {past && desk && (
        <PastPage
          desk={desk}
          theme={theme}
          readOnly={readOnly}
          close={() => {
            setPast(false)
            historyButton.current?.focus()
          }}
        />
      )}
      <Canvas
        hidden={past}
        session={session}
        readOnly={readOnly}
        theme={theme}
        onDesk={showDesk}
        over={
          <>
            {comments && <CommentLayer comments={comments} />}
            {reactions && <ReactionLayer reactions={reactions} />}
          </>
        }
      >
        <Menu place={place} api={desk?.api} readOnly={readOnly} />
      </Canvas>
    </div>
  )
}

function useStatus(session: Session | undefined): Status | undefined {
  return useSyncExternalStore(
    (changed) => session?.board.document.on("status", changed) ?? (() => {}),
    () => session?.board.document.status,
  )
}

function Others({ desk: { company } }: { desk: Desk }) {
  const { people, colour, following } = useSyncExternalStore(company.subscribe, () => company.gathering)
  return (
    <PeopleBar
      people={people}
      colour={colour}
      following={following}
      onFollow={(session) => company.follow(session)}
    />
  )
}
