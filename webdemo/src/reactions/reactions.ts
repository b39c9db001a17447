// Reactions: an emoji that floats up from a place of the board, seen by whoever is there, and kept nowhere.

import { useSyncExternalStore } from "react"
import { useAtDesk } from "../board/atdesk.ts"
import type { Desk } from "../board/canvas.tsx"
import { onBoard } from "../board/viewport.ts"

/** What there is to choose from, each with its name. Others are not shown. */
export const emoji = new Map([
  ["👍", "Thumbs up"],
  ["❤️", "Heart"],
  ["😂", "Laughing"],
  ["🎉", "Party"],
  ["🤔", "Thinking"],
  ["👀", "Eyes"],
])

/** One that is on the screen. */
export interface Reaction {
  id: number
  emoji: string
  x: number
  y: number
  name: string
  colour: string
}

/** How long one is seen, ms; reactions.css has it too. */
const life = 2500

/** Of one person at most so many a second are shown, and of all so many at once. */
const perSecond = 5
const most = 50

/** How far from the middle of the view those are that nobody points with, in CSS pixels: they are not to hide each other. */
const spread = 60

export class Reactions {
  readonly desk: Desk
  #shown: Reaction[] = []
  #next = 0
  /** When the last ones of each session were, ms. */
  #times = new Map<string, number[]>()
  #timers = new Set<ReturnType<typeof setTimeout>>()
  #listeners = new Set<() => void>()
  #off: () => void

  constructor(desk: Desk) {
    this.desk = desk
    this.#off = desk.session.board.document.on("event", ({ session, name, data }) => {
      if (name === "reaction" && session !== undefined) this.#came(session, data)
    })
  }

  /** What is on the screen. It is replaced when it changes. */
  get shown(): readonly Reaction[] {
    return this.#shown
  }

  /** For useSyncExternalStore. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Shows a reaction to everyone who is here, at the user's pointer or in the middle of what they see. */
  send(emoji: string): void {
    const { session, company } = this.desk
    if (!this.#mayShow("")) return
    const { x, y } = this.#place()
    session.board.document.publish("reaction", { emoji, x: Math.round(x), y: Math.round(y) })
    const { name, colour } = company.author
    this.#show({ emoji, x, y, name, colour })
  }

  close(): void {
    this.#off()
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #place(): { x: number; y: number } {
    const { api, company } = this.desk
    const { pointer } = company.showing.shown
    if (pointer) return { x: pointer[0], y: pointer[1] }
    const { width, height } = api.getAppState()
    const aside = () => (Math.random() * 2 - 1) * spread
    return onBoard(api, { x: width / 2 + aside(), y: height / 2 + aside() })
  }

  /** What others send is checked. */
  #came(session: string, data: unknown): void {
    const { emoji: sign, x, y } = (data ?? {}) as Record<string, unknown>
    if (typeof sign !== "string" || !emoji.has(sign) || !coordinate(x) || !coordinate(y)) return
    if (!this.#mayShow(session)) return
    const sender = this.desk.company.participants.get(session)
    this.#show({ emoji: sign, x, y, name: sender?.name ?? "Somebody", colour: sender?.colour ?? "#495057" })
  }

  #mayShow(session: string): boolean {
    const now = performance.now()
    for (const [session, times] of this.#times) {
      if (times.every((time) => time < now - 1000)) this.#times.delete(session)
    }
    const last = (this.#times.get(session) ?? []).filter((time) => time > now - 1000)
    if (last.length >= perSecond || this.#shown.length >= most) return false
    this.#times.set(session, [...last, now])
    return true
  }

  #show(reaction: Omit<Reaction, "id">): void {
    const shown = { ...reaction, id: this.#next++ }
    this.#set([...this.#shown, shown])
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#set(this.#shown.filter((other) => other !== shown))
    }, life)
    this.#timers.add(timer)
  }

  #set(shown: Reaction[]): void {
    this.#shown = shown
    for (const listener of this.#listeners) listener()
  }
}

function coordinate(v: unknown): v is number {
  return typeof v === "number" && Math.abs(v) <= 1e6
}

/** The reactions of a desk, as long as it is there. */
export function useReactions(desk: Desk | undefined): Reactions | undefined {
  return useAtDesk(desk, at)
}

const at = (desk: Desk) => new Reactions(desk)

/** Those on the screen, kept current. */
export function useShown(reactions: Reactions): readonly Reaction[] {
  return useSyncExternalStore(reactions.subscribe, () => reactions.shown)
}
