// One text, shared: its Y.Doc over the relay, and what goes with being there.

import { localCopy } from "@baton-relay/client"
import { BatonProvider } from "@baton-relay/client/yjs"
import * as Y from "yjs"
import { documentOf, type Place } from "../link/link.ts"
import { connectHere } from "../link/relay.ts"
import { tidyGuests } from "./guests.ts"
import { showMe, userShown } from "./identity.ts"

export interface Session {
  place: Place
  provider: BatonProvider
  text: Y.Text
  /** Who wrote: actor → {name, colour}. Anybody may have written anything there. */
  people: Y.Map<unknown>
  /** Takes back own edits only. */
  undo: Y.UndoManager
}

/** Opens a text for as long as the page is there. It is here at once, if this browser has had it before. */
export function openSession(place: Place): Session {
  const provider = new BatonProvider(connectHere(), documentOf(place), new Y.Doc(), { copy: localCopy() })
  const text = provider.doc.getText("text")
  const people = provider.doc.getMap<unknown>("people")
  tidyGuests(provider)
  showMe(provider)
  credit(provider, text, people)
  return { place, provider, text, people, undo: new Y.UndoManager(text, { trackedOrigins: new Set() }) }
}

/** Notes who an actor is, in the very op of their first edit, and again once they have another name. */
function credit({ document, awareness }: BatonProvider, text: Y.Text, people: Y.Map<unknown>): void {
  text.observe((_, transaction) => {
    if (!transaction.local) return
    const { name, color: colour } = userShown(awareness) ?? {}
    const noted = people.get(document.actor) as { name?: unknown; colour?: unknown } | undefined
    if (noted?.name !== name || noted?.colour !== colour) people.set(document.actor, { name, colour })
  })
}
