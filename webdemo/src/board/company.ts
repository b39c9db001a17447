// The others on a board: their cursors, selections and lasers on the canvas, who they are for the page's header, and
// whose view this page follows.

import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import type { Author } from "../binding/author.ts"
import { getMe, onMe } from "../people/me.ts"
import { colourHere, type Person } from "../people/roster.ts"
import type { Cursors, Viewport } from "./cursors.ts"
import { collaborator, showCollaborators } from "./outlines.ts"
import { type Participant, participantsOf, Showing, selectedMost } from "./presence.ts"
import type { Session } from "./session.ts"

type AppState = ReturnType<ExcalidrawImperativeAPI["getAppState"]>

/** What the page's header shows. It is replaced when it changes. */
export interface Gathering {
  people: Person[]
  /** The colour of this page's user, on this board. */
  colour: string
  /** Whose view is followed, by session. */
  following: string | undefined
}

export class Company {
  #session: Session
  #api: ExcalidrawImperativeAPI
  #cursors: Cursors
  #showing: Showing
  #participants = new Map<string, Participant>()
  #gathering: Gathering
  /** What Excalidraw was told of the others, to tell it only what is new. */
  #told = ""
  #listeners = new Set<() => void>()
  #off: (() => void)[]

  constructor(session: Session, api: ExcalidrawImperativeAPI, cursors: Cursors) {
    this.#session = session
    this.#api = api
    this.#cursors = cursors
    const { document: doc } = session.board
    this.#gathering = { people: [], colour: getMe().colour, following: undefined }
    this.#showing = new Showing(doc, { ...getMe() })
    const visibility = () => this.#showing.set({ away: document.visibilityState === "hidden" })
    addEventListener("visibilitychange", visibility)
    this.#off = [
      doc.presence.on("change", () => this.#meet()),
      onMe(() => this.#meet({ chosen: true })),
      api.onUserFollow(({ action }) => action === "UNFOLLOW" && this.#show({ following: undefined })),
      () => removeEventListener("visibilitychange", visibility),
    ]
    this.looked(api.getAppState())
    this.#meet()
  }

  get gathering(): Gathering {
    return this.#gathering
  }

  /** This page's user, as the author of what they write. */
  get author(): Author {
    return { name: getMe().name, colour: this.#gathering.colour }
  }

  /** The others, by session. */
  get participants(): ReadonlyMap<string, Participant> {
    return this.#participants
  }

  /** What the others see of this page's user. */
  get showing(): Showing {
    return this.#showing
  }

  /** For useSyncExternalStore. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The user's pointer moved, or left the canvas. */
  pointed(at: { x: number; y: number; tool: string } | undefined, down: boolean): void {
    this.#showing.set({
      pointer: at && [Math.round(at.x * 10) / 10, Math.round(at.y * 10) / 10],
      laser: at?.tool === "laser",
      down: down && at?.tool === "laser",
    })
  }

  /** The canvas lies otherwise, or something else is selected. */
  looked({ scrollX, scrollY, zoom, width, height, selectedElementIds }: AppState): void {
    this.#cursors.look({ scrollX, scrollY, zoom: zoom.value } satisfies Viewport)
    this.#showing.set({
      selected: Object.keys(selectedElementIds).slice(0, selectedMost),
      view: [-scrollX, -scrollY, width / zoom.value, height / zoom.value].map(
        Math.round,
      ) as Participant["view"],
    })
  }

  /** Shows what somebody sees, as they move about, until the user moves or another is followed. */
  follow(session: string | undefined): void {
    const followed = session === undefined ? undefined : this.#participants.get(session)
    const userToFollow = followed ? { socketId: followed.session, username: followed.name } : null
    this.#api.updateScene({ appState: { userToFollow: userToFollow as AppState["userToFollow"] } })
    this.#show({ following: followed?.session })
    this.#lookWith(followed)
  }

  close(): void {
    for (const off of this.#off) off()
    this.#session.board.document.presence.set(null)
    this.#cursors.close()
  }

  #meet({ chosen = false } = {}): void {
    const { board, connection } = this.#session
    this.#participants = participantsOf(board.document)
    const people = [...this.#participants.values()]
      .map(({ session, name, colour, user }) => ({ session, name, colour, user }))
      .sort((a, b) => (a.session < b.session ? -1 : 1))
    const shown = chosen ? undefined : this.#showing.shown.me.colour
    const colour = colourHere(shown, connection.session, people)
    this.#showing.set({ me: { name: getMe().name, colour } })
    this.#cursors.update(this.#participants)
    this.#tell()
    const { following } = this.#gathering
    if (following !== undefined) {
      const followed = this.#participants.get(following)
      if (followed) this.#lookWith(followed)
      else this.follow(undefined) // they have left
    }
    const was = this.#gathering
    if (was.colour !== colour || JSON.stringify(was.people) !== JSON.stringify(people)) {
      this.#show({ people, colour })
    }
  }

  #show(change: Partial<Gathering>): void {
    this.#gathering = { ...this.#gathering, ...change }
    for (const listener of this.#listeners) listener()
  }

  /** Has Excalidraw draw what people have selected, and the trails of lasers. */
  #tell(): void {
    const people = [...this.#participants.values()].map((person) => {
      const { session, colour, selected, pointer, laser, down } = person
      // Cursors are drawn by `Cursors`: these neither glide nor keep apart.
      const shine = { tool: "laser", laserColor: colour, renderCursor: false } as const
      return {
        ...collaborator(session, person, selected),
        button: down ? ("down" as const) : ("up" as const),
        ...(pointer && laser && { pointer: { x: pointer[0], y: pointer[1], ...shine } }),
      }
    })
    const told = JSON.stringify(people)
    if (told === this.#told) return
    this.#told = told
    showCollaborators(this.#api, people)
  }

  #lookWith(followed: Participant | undefined): void {
    if (!followed?.view) return
    const [left, top, wide, high] = followed.view
    const { width, height } = this.#api.getAppState()
    const zoom = Math.min(Math.max(Math.min(width / wide, height / high), 0.1), 30)
    this.#api.updateScene({
      appState: {
        scrollX: (width / zoom - wide) / 2 - left,
        scrollY: (height / zoom - high) / 2 - top,
        zoom: { value: zoom } as AppState["zoom"],
      },
    })
  }
}
