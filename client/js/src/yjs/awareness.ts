import type { Awareness } from "y-protocols/awareness"
import type { Participant } from "../frames.ts"
import type { Presence } from "../presence.ts"

/** What a participant shows of its awareness. */
interface Shown {
  client: number
  state: Record<string, unknown>
}

/**
 * Carries an awareness over a document's presence. Who is there the relay says, so that nothing needs to be repeated,
 * and nothing times out. Returns what ends it.
 */
export function bindAwareness(awareness: Awareness, presence: Presence): () => void {
  const clients = new Map<string, number>() // by session
  let shown = ""

  const show = (_: unknown, origin: unknown) => {
    if (origin === presence) return
    const state = awareness.getLocalState()
    const text = JSON.stringify(state)
    if (text === shown) return // only renewed, which is for those without a relay
    shown = text
    presence.set(state && { awareness: { client: awareness.clientID, state } satisfies Shown })
  }

  const take = (changed: Map<string, Participant | null>) => {
    const change = { added: [] as number[], updated: [] as number[], removed: [] as number[] }
    for (const [session, participant] of changed) {
      const now = participant?.state?.awareness as Shown | undefined
      const was = clients.get(session)
      if (now) clients.set(session, now.client)
      else clients.delete(session)
      // After a reconnect a client may be there as two sessions for a moment.
      if (was !== undefined && was !== now?.client && ![...clients.values()].includes(was)) {
        if (awareness.states.delete(was)) change.removed.push(was)
        awareness.meta.delete(was)
      }
      if (!now || now.client === awareness.clientID) continue
      change[awareness.states.has(now.client) ? "updated" : "added"].push(now.client)
      awareness.states.set(now.client, now.state)
      awareness.meta.set(now.client, { clock: 0, lastUpdated: Number.POSITIVE_INFINITY })
    }
    if (change.added.length + change.updated.length + change.removed.length === 0) return
    awareness.emit("change", [change, presence])
    awareness.emit("update", [change, presence])
  }

  awareness.on("update", show)
  const off = presence.on("change", take)
  show(undefined, undefined)
  take(new Map(presence.others))
  return () => {
    off()
    awareness.off("update", show)
    take(new Map([...clients.keys()].map((session) => [session, null])))
    presence.set(null)
  }
}
