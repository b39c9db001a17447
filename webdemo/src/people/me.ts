// Who this browser's user is to the others: a name and a colour, kept in the browser.

import { beginningOf } from "../look/beginning.ts"
import { colours } from "./colours.ts"

export interface Me {
  name: string
  colour: string
}

const animals =
  "Badger Bear Beaver Crane Deer Dolphin Eagle Falcon Fox Gecko Hare Heron Ibis Jay Koala Lark Lynx Marten Mole Moose Newt Otter Owl Panda Puffin Quail Raven Robin Seal Stork Swan Tapir Tiger Toad Vole Walrus Weasel Wolf Wren Yak".split(
    " ",
  )

/** The longest name, in UTF-16 units. */
export const nameLength = 40

let me: Me | undefined
const listeners = new Set<() => void>()

/** The user, the same object until it changes. At first an animal. */
export function getMe(): Me {
  me ??= stored() ?? setMe({ name: pick(animals), colour: pick(colours) })
  return me
}

export function setMe(change: Partial<Me>): Me {
  const next = { ...(me ?? { name: "", colour: "" }), ...change }
  me = { name: beginningOf(next.name.trim(), nameLength) || pick(animals), colour: next.colour }
  try {
    localStorage.setItem(keyHere(), JSON.stringify(me))
  } catch {
    // This browser keeps nothing: the name holds for this page.
  }
  for (const listener of listeners) listener()
  return me
}

/** For useSyncExternalStore. */
export function onMe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** In a pair of boards side by side each frame is somebody. */
function keyHere(): string {
  const person = new URLSearchParams(location.search).get("person")
  return person ? `baton.me.${person.slice(0, 8)}` : "baton.me"
}

function stored(): Me | undefined {
  try {
    const { name, colour } = JSON.parse(localStorage.getItem(keyHere()) ?? "{}")
    return typeof name === "string" && colours.includes(colour) ? { name, colour } : undefined
  } catch {
    return undefined
  }
}

function pick<T>(from: T[]): T {
  return from[Math.floor(Math.random() * from.length)] as T
}
