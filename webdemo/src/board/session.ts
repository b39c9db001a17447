// A page's stay on a board: the connection, the document and what is kept of it in the browser.

import wasm from "@automerge/automerge/automerge.wasm?url"
import * as A from "@automerge/automerge/slim"
import { type Connection, localCopy } from "@baton-relay/client"
import { type AutomergeBinding, firstChange, openAutomerge } from "@baton-relay/client/automerge"
import { type Board, startBoard } from "../binding/schema.ts"
import { documentOf, type Place } from "../link/link.ts"
import { connectHere } from "../link/relay.ts"

/** Fetched and compiled while the page is still being built. */
const ready = A.initializeWasm(wasm)

export interface Session {
  place: Place
  connection: Connection
  board: AutomergeBinding<Board>
}

/** Enters a board. It resolves as soon as one can draw, online or not. */
export async function enter(place: Place): Promise<Session> {
  await ready
  const connection = connectHere()
  const board = openAutomerge<Board>(connection, documentOf(place), {
    first: firstChange<Board>(startBoard),
    copy: localCopy(),
  })
  // In a pair of boards side by side each is cut off and connected again from outside.
  addEventListener("message", ({ origin, data }) => {
    if (origin !== location.origin) return
    if (data?.baton === "pause") connection.pause()
    if (data?.baton === "resume") connection.resume()
  })
  return { place, connection, board }
}
