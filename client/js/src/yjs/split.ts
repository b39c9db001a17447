import * as Y from "yjs"

/**
 * Cuts an update of which `doc` has everything into two that add up to it, each with about half of what was written;
 * undefined where there is only one thing in it, or one character. What is deleted is told by the second.
 */
export function halves(doc: Y.Doc, update: Uint8Array): [Uint8Array, Uint8Array] | undefined {
  const { from, to } = Y.parseUpdateMeta(update)
  let left = 0
  for (const [client, end] of to) left += end - (from.get(client) ?? 0)
  if (left < 2) return undefined
  left >>= 1
  const middle = new Map<number, number>()
  let rest = false
  for (const [client, end] of to) {
    const begin = from.get(client) ?? 0
    let cut = Math.min(begin + left, end)
    left -= cut - begin
    if (begin < cut && cut < end && isWithin(update, client, cut)) cut++
    middle.set(client, cut)
    rest ||= cut < end
  }
  if (!rest) return undefined
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

/** Whether a clock is inside a surrogate pair: Yjs puts U+FFFD in the place of both halves where a pair is cut. */
function isWithin(update: Uint8Array, client: number, clock: number): boolean {
  return Y.decodeUpdate(update).structs.some((struct) => {
    if (struct.id.client !== client || !(struct instanceof Y.Item)) return false
    const at = clock - struct.id.clock
    if (at <= 0 || at >= struct.length || !(struct.content instanceof Y.ContentString)) return false
    return /^[\ud800-\udbff][\udc00-\udfff]$/.test(struct.content.str.slice(at - 1, at + 1))
  })
}

/** Returns what became of an update: `doc` may have deleted, and forgotten, some of what was written in it. */
export function again(doc: Y.Doc, update: Uint8Array): Uint8Array {
  const here = Y.decodeStateVector(Y.encodeStateVector(doc))
  for (const [client, begin] of Y.parseUpdateMeta(update).from) here.set(client, begin)
  return Y.encodeStateAsUpdate(doc, Y.encodeStateVector(here))
}
