// What people on a board show of themselves while they work: where their pointer is, what they have selected, what part
// of the board they look at. Nothing of it is kept.

import type { Doc } from "@baton-relay/client"
import { type Person, personOf } from "../people/roster.ts"

/** A person on the board. */
export interface Participant extends Person {
  /** Where the pointer is, in the board's coordinates; undefined: nowhere. */
  pointer: [x: number, y: number] | undefined
  laser: boolean
  /** Whether the button is down, which is when a laser shines. */
  down: boolean
  /** What they have selected, by id; at most `selectedMost`. */
  selected: string[]
  /** What they see: left, top, width, height in the board's coordinates. */
  view: [number, number, number, number] | undefined
  /** Whether they look at another page. */
  away: boolean
  /** How far they have carried what is too much to be written on the way: see {@link Carry}. */
  carry: { load: string; by: [dx: number, dy: number] } | undefined
}

/** What this page shows of its own user: see {@link Participant}. */
export type Shown = Pick<
  Participant,
  "pointer" | "laser" | "down" | "selected" | "view" | "away" | "carry"
> & {
  me: { name: string; colour: string }
}

/** It goes out with every move of the pointer: 2,000 would cost 75 kB/s, for everybody. */
export const selectedMost = 20

/** Everyone else on the board, by session. What they say is checked. */
export function participantsOf(doc: Doc): Map<string, Participant> {
  const participants = new Map<string, Participant>()
  for (const [session, participant] of doc.presence.others) {
    const person = personOf(session, participant)
    if (!person) continue
    const said = (participant.state ?? {}) as Record<string, unknown>
    participants.set(session, {
      ...person,
      pointer: numbers(said.pointer, 2) as Participant["pointer"],
      laser: said.laser === true,
      down: said.down === true,
      selected: Array.isArray(said.selected)
        ? said.selected.filter((id): id is string => typeof id === "string").slice(0, selectedMost)
        : [],
      view: viewOf(said.view),
      away: said.away === true,
      carry: carryOf(said.carry),
    })
  }
  return participants
}

function numbers(value: unknown, count: number): number[] | undefined {
  const good =
    Array.isArray(value) &&
    value.length === count &&
    value.every((n) => typeof n === "number" && Math.abs(n) <= 1e6)
  return good ? (value as number[]) : undefined
}

function viewOf(value: unknown): Participant["view"] {
  const view = numbers(value, 4)
  return view && (view[2] as number) > 0 && (view[3] as number) > 0
    ? (view as Participant["view"])
    : undefined
}

function carryOf(value: unknown): Participant["carry"] {
  const { load, by } = (value ?? {}) as { load?: unknown; by?: unknown }
  const distance = numbers(by, 2)
  return typeof load === "string" && distance ? { load, by: distance as [number, number] } : undefined
}

/** What goes out: nothing of what is not so. */
function said(shown: Shown): Record<string, unknown> {
  const idle = (value: unknown) => value === false || (Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => !idle(value)))
}

/** Shows this page's user to the others, as often as the relay takes it. */
export class Showing {
  #doc: Doc
  #shown: Shown

  constructor(doc: Doc, me: Shown["me"]) {
    this.#doc = doc
    this.#shown = {
      me,
      pointer: undefined,
      laser: false,
      down: false,
      selected: [],
      view: undefined,
      away: false,
      carry: undefined,
    }
    doc.presence.set(said(this.#shown))
  }

  get shown(): Readonly<Shown> {
    return this.#shown
  }

  /** Changes what is shown; nothing goes out if it is the same. */
  set(change: Partial<Shown>): void {
    const next = { ...this.#shown, ...change }
    if (JSON.stringify(next) === JSON.stringify(this.#shown)) return
    this.#shown = next
    this.#doc.presence.set(said(next))
  }
}
