// Who writes: `people` of a board says it of each actor, so that its history has names.

import * as A from "@automerge/automerge/slim"
import type { Board } from "./schema.ts"

export interface Author {
  name: string
  colour: string
}

/** Says who writes, in the first change of an actor, and in the next after they took another name. */
export function sign(d: Board, actor: string, author: Author): void {
  const signature = JSON.stringify(author)
  if (String(d.people[actor] ?? "") !== signature) d.people[actor] = new A.ImmutableString(signature)
}
