import * as Y from "yjs"

/**
 * Cuts an update of which `doc` has everything into two that add up to it, each with about half of what was written;
 * undefined where there is only one thing in it. What is deleted is told by the second.
 */
export function halves(doc: Y.Doc, update: Uint8Array): [Uint8Array, Uint8Array] | undefined {
  const { from, to } = Y.parseUpdateMeta(update)
  let left = 0
  for (const [client, end] of to) left += end - (from.get(client) ?? 0)
  if (left < 2) return undefined
  left >>= 1
  const middle = new Map<number, number>()
  for (const [client, end] of to) {
    const begin = from.get(client) ?? 0
    const taken = Math.min(left, end - begin)
    middle.set(client, begin + taken)
    left -= taken
  }
  // Yjs cuts through the middle of things only in documents that keep what is deleted.
  const whole = new Y.Doc({ gc: false })
  Y.applyUpdate(whole, Y.encodeStateAsUpdate(doc))
  const until = Y.createDocFromSnapshot(
    whole,
    Y.createSnapshot(Y.createDeleteSet(), middle),
    new Y.Doc({ gc: false }),
  )
  const first = Y.encodeStateAsUpdate(until, Y.encodeStateVector(from))
  const second = Y.diffUpdate(update, Y.encodeStateVector(middle))
  for (const scratch of [whole, until]) scratch.destroy()
  return [first, second]
}

/** Returns what became of an update: `doc` may have deleted, and forgotten, some of what was written in it. */
export function again(doc: Y.Doc, update: Uint8Array): Uint8Array {
  const here = Y.decodeStateVector(Y.encodeStateVector(doc))
  for (const [client, begin] of Y.parseUpdateMeta(update).from) here.set(client, begin)
  return Y.encodeStateAsUpdate(doc, Y.encodeStateVector(here))
}
