// Carrying much at once. To write each step of a drag of hundreds of elements would cost every page half a second, so
// they are written when they are dropped. Until then the others are shown how far they have come: which elements is said
// once, by an event, and the distance is part of presence.

import type { SceneBinding } from "../binding/scene.ts"
import type { Company } from "./company.ts"
import type { Session } from "./session.ts"

/** How long what somebody carried stays where it was seen last, ms: by then the drop has come, or there was none. */
const patience = 4000

/** The longest list of elements that is believed. */
const most = 50_000

interface Load {
  ids: string[]
  by: [number, number]
  settling?: ReturnType<typeof setTimeout>
}

export class Carry {
  #session: Session
  #scene: SceneBinding
  #company: Company
  /** This page's own load, by a name that nobody else uses. */
  #own: string | undefined
  #ownIds: ReadonlySet<string> | undefined
  #loads = new Map<string, Load>()
  #off: (() => void)[]

  constructor(session: Session, scene: SceneBinding, company: Company) {
    this.#session = session
    this.#scene = scene
    this.#company = company
    const { document: doc } = session.board
    this.#off = [
      doc.on(
        "event",
        ({ name, data, session }) => name === "carry" && session && this.#listed(session, data),
      ),
      company.subscribe(() => this.#follow()),
      doc.presence.on("change", () => this.#follow()),
    ]
  }

  /** To be called when anything in the editor may have changed. */
  changed(): void {
    const by = this.#scene.carriedBy
    const ids = this.#scene.carried
    if (!by || !ids) {
      this.#own = undefined
      this.#company.showing.set({ carry: undefined })
      return
    }
    if (this.#own === undefined || ids.size !== this.#ownIds?.size) {
      this.#own = Math.random().toString(36).slice(2)
      this.#session.board.document.publish("carry", { load: this.#own, ids: [...ids] })
    }
    this.#ownIds = ids
    this.#company.showing.set({ carry: { load: this.#own, by } })
  }

  close(): void {
    for (const off of this.#off) off()
    for (const { settling } of this.#loads.values()) clearTimeout(settling)
  }

  #listed(session: string, data: unknown): void {
    const { load, ids } = (data ?? {}) as { load?: unknown; ids?: unknown }
    if (typeof load !== "string" || !Array.isArray(ids) || ids.length > most) return
    this.#loads.set(`${session} ${load}`, { ids: ids.filter((id) => typeof id === "string"), by: [0, 0] })
    this.#follow()
  }

  /** Shows what others carry, and lets go what they have dropped. */
  #follow(): void {
    const carried = new Set<string>()
    for (const [session, { carry }] of this.#company.participants) {
      const key = `${session} ${carry?.load}`
      const load = carry && this.#loads.get(key)
      if (!load) continue
      carried.add(key)
      clearTimeout(load.settling)
      delete load.settling
      if (load.by[0] === carry.by[0] && load.by[1] === carry.by[1]) continue
      load.by = carry.by
      this.#scene.preview(load.ids, ...carry.by)
    }
    for (const [key, load] of this.#loads) {
      if (carried.has(key) || load.settling) continue
      load.settling = setTimeout(() => {
        this.#loads.delete(key)
        this.#scene.preview(load.ids, 0, 0)
      }, patience)
    }
  }
}
