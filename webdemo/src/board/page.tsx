import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react"
import { CommentButtons } from "../comments/buttons.tsx"
import { useComments } from "../comments/comments.ts"
import { CommentLayer } from "../comments/layer.tsx"
import { HistoryButton } from "../history/button.tsx"
import type { Place } from "../link/link.ts"
import { Refused } from "../link/refused.tsx"
import { Boundary } from "../look/boundary.tsx"
import { Header } from "../look/header.tsx"
import { useTheme } from "../look/usetheme.ts"
import { PeopleBar } from "../people/bar.tsx"
import { ReactionButton } from "../reactions/button.tsx"
import { ReactionLayer } from "../reactions/layer.tsx"
import { useReactions } from "../reactions/reactions.ts"
import { Notice } from "../saved/notice.tsx"
import { useRights } from "../saved/rights.ts"
import { SaveState } from "../saved/savestate.tsx"
import { ShareButton } from "../share/dialog.tsx"
import { arrive } from "./arrive.ts"
import { Canvas, type Desk } from "./canvas.tsx"
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
  useEffect(() => desk && arrive(desk), [desk])
  const [past, setPast] = useState(false)
  const [asking, ask] = useState(false)
  const historyButton = useRef<HTMLButtonElement>(null)
  const comments = useComments(desk)
  const reactions = useReactions(desk)

  const rights = useRights(session?.board.document)
  const empty = () => Object.keys(session?.board.doc.elements ?? {}).length === 0
  if ((rights?.barred && (asking || empty())) || (rights?.unloadable && empty()))
    return <Refused place={place} status={rights.status} />
  const readOnly = rights?.readOnly ?? false
  return (
    <div className="board">
      <Header title={place.name.replaceAll("-", " ")}>
        {session && <SaveState doc={session.board.document} recover={() => session.board.recover()} />}
        {reactions && <ReactionButton reactions={reactions} />}
        {comments && <CommentButtons comments={comments} />}
        {desk && <HistoryButton ref={historyButton} open={past} toggle={() => setPast(!past)} />}
        {desk && <Others desk={desk} />}
        <ShareButton place={place} />
      </Header>
      {session && rights && (
        <Notice
          place={place}
          rights={rights}
          recover={() => session.board.recover()}
          askAccess={() => ask(true)}
        />
      )}
      {past && desk && (
        <Boundary what="The history">
          <PastPage
            desk={desk}
            theme={theme}
            readOnly={readOnly}
            close={() => {
              setPast(false)
              historyButton.current?.focus()
            }}
          />
        </Boundary>
      )}
      <Boundary what="The whiteboard">
        <Canvas
          name={place.name}
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
      </Boundary>
    </div>
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
