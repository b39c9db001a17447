// Who is here, as the presence of a document tells it. What others say of themselves is not trusted: names are cut,
// and colours are ours.

import type { Doc, Participant } from "@baton-relay/client"
import { beginningOf } from "../look/beginning.ts"
import { colours, freeColour } from "./colours.ts"
import { getMe, type Me, nameLength } from "./me.ts"

export interface Person extends Me {
  session: string
  /** What the relay knows of them by their token; "" where it asks for none. */
  user: string
}

/** Who somebody says to be: in `me`, or where an editor keeps it, in the `user` of their awareness. */
function claimOf(participant: Participant): { name?: unknown; colour?: unknown } {
  const state = participant.state as
    | { me?: object; awareness?: { state?: { user?: { name?: unknown; color?: unknown } } } }
    | undefined
  if (state?.me && typeof state.me === "object") return state.me
  const user = state?.awareness?.state?.user
  return { name: user?.name, colour: user?.color }
}

/** Returns a participant as a person; undefined while they have not shown themselves. */
export function personOf(session: string, participant: Participant): Person | undefined {
  const { name, colour } = claimOf(participant)
  if (typeof colour !== "string" || !colours.includes(colour)) return undefined
  // A name that a token vouches for goes before one that somebody has given themselves.
  const known = participant.user?.name || participant.user?.id || ""
  const given = typeof name === "string" ? beginningOf(name, nameLength) : ""
  return { session, name: known || given || "Somebody", colour, user: participant.user?.id ?? "" }
}

/** Everyone else who is here, in a stable order. */
export function peopleIn(doc: Doc): Person[] {
  const people: Person[] = []
  for (const [session, participant] of doc.presence.others) {
    const person = personOf(session, participant)
    if (person) people.push(person)
  }
  return people.sort((a, b) => (a.session < b.session ? -1 : 1))
}

/**
 * Returns the colour to show here: the user's own, unless somebody has it who is to keep it. Of two with the same one
 * the session that sorts first keeps it, so that both do not change at once.
 */
export function colourHere(shown: string | undefined, session: string, others: Person[]): string {
  const want = shown ?? getMe().colour
  const rival = others.some(
    (person) => person.colour === want && (shown === undefined || person.session < session),
  )
  return rival
    ? freeColour(
        undefined,
        others.map((person) => person.colour),
      )
    : want
}
