// Outlines around elements in the colours of people, which Excalidraw draws of what collaborators have selected.

import type { Collaborator, ExcalidrawImperativeAPI, SocketId } from "@excalidraw/excalidraw/types"
import type { Me } from "../people/me.ts"

/** A person as Excalidraw has them, by any name that nobody else has, with elements by id. */
export function collaborator(id: string, { name, colour }: Me, elements: readonly string[]): Collaborator {
  return {
    id,
    socketId: id as SocketId,
    username: name,
    color: { background: colour, stroke: colour },
    selectedElementIds: Object.fromEntries(elements.map((element) => [element, true])),
  }
}

/** Has it draw the outlines of these people, and of nobody else. */
export function showCollaborators(api: ExcalidrawImperativeAPI, people: Iterable<Collaborator>): void {
  const collaborators = new Map<SocketId, Collaborator>()
  for (const person of people) if (person.socketId) collaborators.set(person.socketId, person)
  api.updateScene({ collaborators })
}
