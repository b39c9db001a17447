// What others show of themselves, made safe for the editor: it puts colours into styles as they are, and trusts that
// cursors are where a cursor can be.

import type { Participant } from "@baton-relay/client"
import type { BatonProvider } from "@baton-relay/client/yjs"
import { personOf } from "../people/roster.ts"
import { type User, userOf } from "./identity.ts"

export interface Guest {
  user?: User
  cursor?: { anchor: Position; head: Position }
}

/** A relative position of Yjs. */
interface Position {
  type: null
  tname: "text" | null
  item: { client: number; clock: number } | null
  assoc: number
}

/** What somebody may have sent, or not. */
interface Shown {
  state?: { cursor?: { anchor?: unknown; head?: unknown } | null } | null
}

/** From now on the awareness of others is as {@link guestOf} has it, for all who listen after this call. */
export function tidyGuests({ awareness, document }: BatonProvider): void {
  const tidy = () => {
    const known = new Map<number, Guest>()
    for (const [session, participant] of document.presence.others) {
      const { client } = (participant.state?.awareness ?? {}) as { client?: unknown }
      if (typeof client === "number") known.set(client, guestOf(session, participant))
    }
    for (const client of awareness.states.keys()) {
      if (client !== awareness.clientID) awareness.states.set(client, { ...known.get(client) })
    }
  }
  awareness.on("change", tidy)
  tidy()
}

/** Returns what of a participant's awareness is in order. */
export function guestOf(session: string, participant: Participant): Guest {
  const person = personOf(session, participant)
  if (!person) return {}
  // The editor draws a caret again only if its colour is another; in a style a comment makes it one for each name.
  const mark = `/*${encodeURIComponent(person.name.toWellFormed())}*/`
  const user = { ...userOf(person.name, person.colour), color: person.colour + mark }
  const shown = participant.state?.awareness as Shown | undefined
  const anchor = positionOf(shown?.state?.cursor?.anchor)
  const head = positionOf(shown?.state?.cursor?.head)
  return anchor && head ? { user, cursor: { anchor, head } } : { user }
}

/** Returns a position in the text: at a thing that somebody wrote, or at an end of it. Undefined: it is none. */
function positionOf(value: unknown): Position | undefined {
  const { tname, item, assoc } = Object(value)
  const side = { type: null, assoc: assoc < 0 ? -1 : 0 }
  if (item == null) return tname === "text" ? { ...side, tname, item: null } : undefined
  const { client, clock } = Object(item)
  return isCount(client) && isCount(clock) ? { ...side, tname: null, item: { client, clock } } : undefined
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
