import type { Status } from "@baton-relay/client"
import { useCallback, useEffect, useState, useSyncExternalStore } from "react"
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
import { Canvas, type Desk } from "./canvas.tsx"
import { Header } from "./header.tsx"
import { Menu } from "./menu.tsx"
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
  const comments = useComments(desk)
  const reactions = useReactions(desk)

  const status = useStatus(session)
  if (session && status?.state === "refused" && !session.board.document.refusal) {
    return <Refused place={place} status={status} />
  }
  const readOnly = status?.state === "read-only"
  return (
    <div className="board">
      <Header name={place.name}>
        {session && <SaveState doc={session.board.document} recover={() => session.board.recover()} />}
        {reactions && <ReactionButton reactions={reactions} />}
        {comments && <CommentButtons comments={comments} />}
        {desk && <Others desk={desk} />}
        <ShareButton place={place} />
      </Header>
      <Canvas
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
