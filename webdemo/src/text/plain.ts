// A Y.Text as a plain one. It may hold what is no text, if somebody's program put it there: each such thing is one
// character here, as it is one in the Y.Text, so that positions are the same in both.

import * as Y from "yjs"

/** Stands for a thing that is no text: OBJECT REPLACEMENT CHARACTER. */
const thing = "\ufffc"

/** What there is of a Y.Text, piece by piece: the text, who wrote it, and as their how manieth character. */
export function* piecesOf(text: Y.Text): Generator<{ text: string; client: number; clock: number }> {
  for (let item = text._start; item; item = item.right) {
    if (item.deleted || !item.countable) continue
    const text = item.content instanceof Y.ContentString ? item.content.str : thing.repeat(item.length)
    yield { text, client: item.id.client, clock: item.id.clock }
  }
}
