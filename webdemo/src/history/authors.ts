// Who made a moment. Documents keep what authors said of themselves, by actor: that is not trusted.

import { beginningOf } from "../look/beginning.ts"
import { colours } from "../people/colours.ts"
import { type Me, nameLength } from "../people/me.ts"
import type { Moment } from "./log.ts"

/** Actor → name and colour, as somebody wrote them. */
export type People = ReadonlyMap<string, unknown>

/** Returns the author of a moment. A name that a token vouches for goes before one that somebody has given themselves. */
export function authorOf({ actor, by }: Pick<Moment, "actor" | "by">, people: People): Me {
  const { name, colour } = Object(people.get(actor))
  const given = typeof name === "string" ? beginningOf(name.trim(), nameLength) : ""
  return { name: by || given || "Somebody", colour: colours.includes(colour) ? colour : colourFor(actor) }
}

/** Always the same for an actor. */
function colourFor(actor: string): string {
  let sum = 0
  for (let i = 0; i < actor.length; i++) sum = (sum * 31 + actor.charCodeAt(i)) >>> 0
  return colours[sum % colours.length] as string
}
