import type { Awareness } from "y-protocols/awareness"
import type { Participant } from "../frames.ts"
import type { Presence } from "../presence.ts"

/** What a participant shows of its awareness. */
interface Shown {
  client: number
  state: Record<string, unknown>
}

/** Those that a page shows by one presence, by what shows each. */
const sharing = new WeakMap<Presence, Set<() => void>>()

/**
 * Carries an awareness over a document's presence. Who is there the relay says, so that nothing needs to be repeated,
 * and nothing times out. Where several share a presence, others see the one that changed last. Returns what ends it.
 */
export function bindAwareness(awareness: Awareness, presence: Presence): () => void {
  const clients = new Map<string, number>() // by session
  let shown = ""
  const others = sharing.get(presence) ?? new Set()
  sharing.set(presence, others)

  const show = () => {
    const state = awareness.getLocalState()
    shown = JSON.stringify(state)
    presence.set(state && { awareness: { client: awareness.clientID, state } satisfies Shown })
  }

  const update = (_: unknown, origin: unknown) => {
    // It may only have been renewed, which is for those without a relay.
    if (origin !== presence && shown !== JSON.stringify(awareness.getLocalState())) show()
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

  awareness.on("update", update)
  const off = presence.on("change", take)
  // A new awareness says nothing yet: it takes nothing from what the page shows.
  if (others.size === 0 || Object.keys(awareness.getLocalState() ?? {}).length > 0) show()
  others.add(show)
  take(new Map(presence.others))
  return () => {
    off()
    awareness.off("update", update)
    take(new Map([...clients.keys()].map((session) => [session, null])))
    others.delete(show)
    if ((presence.state?.awareness as Shown | undefined)?.client !== awareness.clientID) return
    const next = [...others].pop()
    if (next) next()
    else presence.set(null)
  }
}
