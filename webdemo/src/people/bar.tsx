import { useEffect, useRef, useState, useSyncExternalStore } from "react"
import { beginningOf, firstOf } from "../look/beginning.ts"
import { colours } from "./colours.ts"
import { getMe, nameLength, onMe, setMe } from "./me.ts"
import type { Person } from "./roster.ts"
import "./bar.css"

/** The user, kept current. */
export function useMe() {
  return useSyncExternalStore(onMe, getMe)
}

interface PeopleBarProps {
  people: Person[]
  /** The colour that the user has here. */
  colour: string
  /** Whose view is followed, by session. Left out: nobody's can be. */
  following?: string | undefined
  onFollow?: ((session: string | undefined) => void) | undefined
}

/** How many faces there is room for. */
const shown = 5

/** Who is here: the others, each to be followed by a click, and oneself, to be renamed. */
export function PeopleBar({ people, colour, following, onFollow }: PeopleBarProps) {
  const me = useMe()
  const [editing, setEditing] = useState(false)
  const rest = people.slice(shown)
  return (
    <div className="people">
      <ul aria-label="Who is here">
        {people.slice(0, shown).map((person) => (
          <li key={person.session}>
            <Face person={person} followed={person.session === following} onFollow={onFollow} />
          </li>
        ))}
        {rest.length > 0 && (
          <li className="people-rest" title={rest.map(({ name }) => name).join(", ")}>
            +{rest.length}
          </li>
        )}
        <li>
          <button
            type="button"
            className="face face-me"
            style={{ background: colour }}
            title={`You are ${me.name}. Click to change your name.`}
            aria-label={`You are ${me.name}: change your name`}
            aria-expanded={editing}
            onClick={() => setEditing(!editing)}
          >
            {initials(me.name)}
          </button>
        </li>
      </ul>
      {editing && <MeDialog close={() => setEditing(false)} />}
    </div>
  )
}

interface FaceProps {
  person: Person
  followed: boolean
  onFollow: PeopleBarProps["onFollow"]
}

function Face({ person, followed, onFollow }: FaceProps) {
  const { name, colour, session } = person
  const look = { background: colour }
  if (!onFollow) {
    return (
      <span className="face" style={look} title={name} role="img" aria-label={name}>
        {initials(name)}
      </span>
    )
  }
  return (
    <button
      type="button"
      className="face"
      style={look}
      title={followed ? `Stop following ${name}` : `Follow ${name}`}
      aria-label={`Follow ${name}`}
      aria-pressed={followed}
      onClick={() => onFollow(followed ? undefined : session)}
    >
      {initials(name)}
    </button>
  )
}

/** One letter, or those of two words. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const first = firstOf(words[0] ?? "") || "?"
  const last = words.length > 1 ? firstOf(words.at(-1) ?? "") : ""
  return (first + last).toUpperCase()
}

function MeDialog({ close }: { close: () => void }) {
  const me = useMe()
  const [name, setName] = useState(me.name)
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    form.current?.querySelector("input")?.select()
    const away = (event: PointerEvent) => {
      const target = event.target as Element
      if (!form.current?.contains(target) && !target.closest(".face-me")) close()
    }
    addEventListener("pointerdown", away)
    return () => removeEventListener("pointerdown", away)
  }, [close])
  return (
    <form
      ref={form}
      className="me"
      aria-label="Who you are here"
      // Keys are not for the canvas behind.
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key === "Escape") close()
      }}
      onSubmit={(event) => {
        event.preventDefault()
        setMe({ name })
        close()
      }}
    >
      <label>
        Your name
        <input value={name} onChange={(event) => setName(beginningOf(event.target.value, nameLength))} />
      </label>
      <fieldset>
        <legend>Your colour</legend>
        {colours.map((colour, i) => (
          <button
            key={colour}
            type="button"
            className="me-colour"
            style={{ background: colour }}
            aria-label={`Colour ${i + 1}`}
            aria-pressed={colour === me.colour}
            onClick={() => setMe({ colour })}
          />
        ))}
      </fieldset>
      <button type="submit">Done</button>
    </form>
  )
}
