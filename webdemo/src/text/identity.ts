// What the others see of the user: a name, and a colour that nobody else has here.

import type { BatonProvider } from "@baton-relay/client/yjs"
import { getMe, onMe } from "../people/me.ts"
import { colourHere, peopleIn } from "../people/roster.ts"

/** How editors know a user, in the awareness field `user`. */
export interface User {
  name: string
  color: string
  /** For selections. */
  colorLight: string
}

export function userOf(name: string, color: string): User {
  return { name, color, colorLight: `${color}40` }
}

/** Shows the user to the others from now on, and chooses another colour when somebody comes who keeps theirs. */
export function showMe({ document, awareness }: BatonProvider): void {
  let me = getMe()
  let colour: string | undefined
  const show = () => {
    colour = colourHere(colour, document.connection.session, peopleIn(document))
    const user = userOf(me.name, colour)
    const shown = userShown(awareness)
    if (shown?.name !== user.name || shown.color !== user.color) awareness.setLocalStateField("user", user)
  }
  document.presence.on("change", show)
  onMe(() => {
    if (getMe().colour !== me.colour) colour = undefined
    me = getMe()
    show()
  })
  show()
}

/** What the others see of the user. */
export function userShown(awareness: BatonProvider["awareness"]): User | undefined {
  return awareness.getLocalState()?.user
}

/** The colour that the user has here. */
export function colourOf({ awareness }: BatonProvider): string {
  return userShown(awareness)?.color ?? getMe().colour
}
