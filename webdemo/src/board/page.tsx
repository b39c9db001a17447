import { useCallback, useEffect, useState, useSyncExternalStore } from "react"
import type { Place } from "../link/link.ts"
import { useTheme } from "../look/theme.ts"
import { PeopleBar } from "../people/bar.tsx"
import { SaveState } from "../saved/savestate.tsx"
import { Canvas, type Desk } from "./canvas.tsx"
import { Header } from "./header.tsx"
import { Menu } from "./menu.tsx"
import type { Session } from "./session.ts"
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
  const readOnly = useReadOnly(session)

  return (
    <div className="board">
      <Header name={place.name}>
        {session && <SaveState doc={session.board.document} recover={() => session.board.recover()} />}
        {desk && <Others desk={desk} />}
      </Header>
      <Canvas session={session} readOnly={readOnly} theme={theme} onDesk={showDesk}>
        <Menu place={place} />
      </Canvas>
    </div>
  )
}

function useReadOnly(session: Session | undefined): boolean {
  return useSyncExternalStore(
    (changed) => session?.board.document.on("status", changed) ?? (() => {}),
    () => session?.board.document.status.state === "read-only",
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
