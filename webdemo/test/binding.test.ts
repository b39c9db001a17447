import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import * as A from "@automerge/automerge/slim"
import { many } from "../src/binding/scene.ts"
import { stopClock } from "./harness/clock.ts"
import { User } from "./harness/editor.ts"
import { Net } from "./harness/replicas.ts"

/** Two at one board, and what lies between them. */
function two(t: TestContext) {
  const clock = stopClock(t)
  const net = new Net()
  const [ann, bob] = [new User(net.join()), new User(net.join())]
  /** Lets both write what they have, and brings it to the other. */
  const meet = async () => {
    clock.pass(500)
    await net.deliverAll()
    clock.pass(500)
    await net.deliverAll()
  }
  /** The bytes of what is sent by an act. */
  const bytesOf = (act: () => void) => {
    const before = net.log.length
    act()
    clock.pass(500)
    return net.log.slice(before).reduce((sum, { change }) => sum + change.length, 0)
  }
  return { clock, net, ann, bob, meet, bytesOf }
}

test("one moves what another recolours, and both stay", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("rectangle")
  await meet()
  ann.edit(id, { x: 70, y: 80 })
  bob.edit(id, { strokeColor: "#ff0000" })
  await meet()
  for (const { x, y, strokeColor } of [ann.the(id), bob.the(id)]) {
    assert.deepEqual({ x, y, strokeColor }, { x: 70, y: 80, strokeColor: "#ff0000" })
  }
})

test("what one deletes while another moves it stays deleted, and comes back where it was moved to", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("rectangle")
  await meet()
  ann.edit(id, { isDeleted: true })
  bob.edit(id, { x: 70, y: 80 })
  await meet()
  assert.deepEqual([ann.has(id), bob.has(id)], [false, false])
  ann.edit(id, { isDeleted: false })
  await meet()
  assert.deepEqual([ann.the(id).x, bob.the(id).x, bob.has(id)], [70, 70, true])
})

test("of two moves the x and the y are of one person, and so are width, height and angle", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("rectangle")
  await meet()
  ann.edit(id, { x: 1 })
  bob.edit(id, { y: 1 })
  ann.edit(id, { width: 300 })
  bob.edit(id, { angle: 1 })
  await meet()
  const { x, y, width, angle } = ann.the(id)
  assert.ok((x === 1 && y === 0) || (x === 0 && y === 1), `x ${x}, y ${y}`)
  assert.ok(
    (width === 300 && angle === 0) || (width === 100 && angle === 1),
    `width ${width}, angle ${angle}`,
  )
  assert.deepEqual([bob.the(id).x, bob.the(id).width], [x, width])
})

test("a change costs what it changes", async (t) => {
  const { ann, bob, meet, bytesOf } = two(t)
  let id = ""
  const rectangle = bytesOf(() => {
    id = ann.draw("rectangle", { x: 10.5, y: 20.25 })
  })
  const frame = bytesOf(() => ann.edit(id, { x: 413.5, y: 227.25 }))
  const recolour = bytesOf(() => ann.edit(id, { strokeColor: "#e03131" }))
  const removal = bytesOf(() => ann.edit(id, { isDeleted: true }))
  const stroke = ann.draw("freedraw")
  const points = Array.from({ length: 200 }, (_, i) => [i * 1.37, Math.sin(i / 9) * 40])
  ann.hold({ newElement: ann.the(stroke) })
  bytesOf(() => ann.edit(stroke, { points: points.slice(0, 2) }))
  const steps: number[] = []
  for (let n = 3; n <= points.length; n += 3) {
    steps.push(bytesOf(() => ann.edit(stroke, { points: points.slice(0, n) })))
  }
  const step = Math.max(...steps)
  t.diagnostic(JSON.stringify({ rectangle, frame, recolour, removal, step }))
  assert.ok(rectangle < 700, `a new rectangle: ${rectangle} bytes`)
  assert.ok(frame < 140, `a frame of a drag: ${frame} bytes`)
  assert.ok(recolour < 140, `a recolour: ${recolour} bytes`)
  assert.ok(removal < 120, `a removal: ${removal} bytes`)
  assert.ok(step < 180, `three points of a stroke: ${step} bytes`)
  ann.hold()
  await meet()
  assert.equal((bob.the(stroke).points as unknown[]).length, 198)
})

test("the pressures of a pen grow with the stroke", (t) => {
  const { ann, bytesOf } = two(t)
  const stroke = ann.draw("freedraw", { simulatePressure: false })
  ann.hold({ newElement: ann.the(stroke) })
  const steps: number[] = []
  for (let n = 3; n <= 300; n += 3) {
    const points = Array.from({ length: n }, (_, i) => [i, i])
    const pressures = points.map(([x = 0]) => 0.5 + Math.sin(x / 7) / 3)
    steps.push(bytesOf(() => ann.edit(stroke, { points, pressures })))
  }
  assert.ok(Math.max(...steps.slice(1)) < 240, `three points: ${Math.max(...steps.slice(1))} bytes`)
})

test("a stroke is seen as it grows, and another recolours it meanwhile", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("freedraw")
  ann.hold({ newElement: ann.the(id) })
  ann.edit(id, { points: [[0, 0], [3, 4]] }) // biome-ignore format: points
  await meet()
  assert.deepEqual(bob.the(id).points, [[0, 0], [3, 4]]) // biome-ignore format: points
  bob.edit(id, { strokeColor: "#ff0000" })
  await meet()
  assert.equal(ann.the(id).strokeColor, "#1e1e1e", "it waits until the stroke ends")
  ann.edit(id, { points: [[0, 0], [3, 4], [-6, 9.12345]] }) // biome-ignore format: points
  ann.hold()
  await meet()
  assert.equal(ann.the(id).strokeColor, "#ff0000")
  assert.deepEqual(bob.the(id).points, [[0, 0], [3, 4], [-6, 9.12]]) // biome-ignore format: points
  assert.deepEqual([bob.the(id).width, bob.the(id).height], [9, 9.12])
})

test("what others do to what is in hand waits until it is let go", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("rectangle")
  const other = ann.draw("rectangle", { boundElements: [{ id: "01-2", type: "text" }] })
  const label = ann.draw("text", { text: "label", originalText: "label", containerId: other })
  await meet()
  ann.drag(id, other)
  bob.edit(id, { x: 500, strokeColor: "#ff0000" })
  bob.edit(label, { strokeColor: "#ff0000" })
  await meet()
  assert.deepEqual([ann.the(id).x, ann.the(id).strokeColor], [0, "#1e1e1e"])
  assert.equal(ann.the(label).strokeColor, "#1e1e1e", "the label moves along")
  ann.edit(id, { x: 30 })
  await meet()
  ann.hold()
  await meet()
  for (const { x, strokeColor } of [ann.the(id), bob.the(id)]) {
    assert.deepEqual({ x, strokeColor }, { x: 30, strokeColor: "#ff0000" })
  }
  assert.equal(ann.the(label).strokeColor, "#ff0000")
})

test("a drag of very many is written when it ends, and loses nothing to what came meanwhile", async (t) => {
  const { ann, bob, net, meet, clock } = two(t)
  const ids = Array.from({ length: 3 * many }, () => ann.draw("rectangle"))
  ann.scene.flush()
  await meet()
  ann.drag(...ids)
  for (const id of ids) bob.edit(id, { strokeColor: "#ff0000" })
  bob.scene.flush()
  await meet()
  const sent = net.log.length
  for (const id of ids) ann.edit(id, { x: 40, y: 50, width: 7, height: 8, opacity: 50, locked: true })
  clock.pass(1000)
  assert.equal(net.log.length, sent, "nothing goes out meanwhile")
  ann.hold()
  await meet()
  for (const id of ids) {
    assert.deepEqual([bob.the(id).x, bob.the(id).opacity, bob.the(id).strokeColor], [40, 50, "#ff0000"])
    assert.deepEqual([ann.the(id).x, ann.the(id).opacity, ann.the(id).strokeColor], [40, 50, "#ff0000"])
  }
})

test("two type into one text at once, and all letters stay", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("text", { text: "shared", originalText: "shared" })
  await meet()
  for (const letter of ["a", "b", "c"]) {
    ann.type(id, (text) => `${text}${letter}`)
    bob.type(id, (text) => `${letter.toUpperCase()}${text}`)
    await meet()
  }
  assert.equal(ann.the(id).originalText, "sharedabc", "each sees their own while they type")
  ann.hold()
  await meet()
  assert.equal(ann.the(id).originalText, "CBAsharedabc")
  bob.type(id, (text) => `D${text}`)
  await meet()
  assert.equal(ann.the(id).originalText, "DCBAsharedabc", "one who is done sees the other go on")
  bob.hold()
  await meet()
  for (const { text, originalText, width } of [ann.the(id), bob.the(id)]) {
    assert.deepEqual([text, originalText, width], ["DCBAsharedabc", "DCBAsharedabc", 130])
  }
})

test("what two type at once is drawn with all its letters: alone, of fixed width, in a box, and by white space alone", async (t) => {
  const { ann, bob, net, meet } = two(t)
  const box = ann.draw("rectangle", { width: 70, height: 35, boundElements: [{ id: "01-1", type: "text" }] })
  const words = { text: "one", originalText: "one", width: 30, height: 25 }
  const inBox = ann.draw("text", { ...words, containerId: box, textAlign: "center", verticalAlign: "middle" })
  const fixed = ann.draw("text", { ...words, width: 60, autoResize: false })
  const alone = ann.draw("text", words)
  const spaced = ann.draw("text", { ...words, text: "one two", originalText: "one two" })
  await meet()
  for (const id of [inBox, fixed, alone]) {
    ann.type(id, (text) => `${text} two`)
    ann.hold()
    bob.type(id, (text) => `new ${text}`)
    bob.hold()
  }
  // The letters stay, and so do both of what is drawn as lines and gaps.
  ann.type(spaced, (text) => `${text}\nthree`)
  ann.hold()
  bob.type(spaced, (text) => `${text.replace(" ", "  ")}`)
  bob.hold()
  await meet()
  const late = net.join()
  late.receive()
  for (const user of [ann, bob, new User(late)]) {
    const drawn = (id: string) => [user.the(id).originalText, user.the(id).text]
    const size = (id: string) => [user.the(id).width, user.the(id).height]
    assert.deepEqual(drawn(inBox), ["new one two", "new\none\ntwo"])
    assert.deepEqual(size(inBox), [30, 75])
    assert.deepEqual([user.the(box).width, user.the(box).height], [70, 85], "the box grows with its text")
    assert.deepEqual([user.the(inBox).x, user.the(inBox).y], [20, 5])
    assert.deepEqual(drawn(fixed), ["new one two", "new\none\ntwo"])
    assert.deepEqual(size(fixed), [60, 75])
    assert.deepEqual(drawn(alone), ["new one two", "new one two"])
    assert.deepEqual(size(alone), [110, 25])
    assert.deepEqual(drawn(spaced), ["one  two\nthree", "one  two\nthree"])
  }
  const sent = net.log.length
  await meet()
  assert.equal(net.log.length, sent, "nobody writes what they have measured")
  ann.edit(box, { strokeColor: "#ff0000" })
  await meet()
  for (const user of [ann, bob]) {
    assert.deepEqual([user.the(box).height, user.the(inBox).text], [85, "new\none\ntwo"])
  }
})

test("a text that nobody has measured is written and measured", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("text", { text: "words", originalText: "words", width: 0, height: 0 })
  await meet()
  for (const user of [ann, bob]) assert.deepEqual([user.the(id).width, user.the(id).height], [50, 25])
})

test("what no reader takes is not kept by the writer either, who is told", async (t) => {
  const { ann, bob, meet } = two(t)
  const odd = {
    opacity: 5000,
    fillStyle: "dots",
    strokeOptions: { streamline: 1 },
    flag: false,
    angle: Number.NaN,
  }
  const id = ann.draw("rectangle", odd)
  await meet()
  for (const user of [ann, bob]) {
    const { opacity, fillStyle, angle } = user.the(id)
    assert.deepEqual([opacity, fillStyle, angle], [100, "solid", 0])
    assert.ok(!("strokeOptions" in user.the(id)))
  }
  assert.deepEqual(ann.told, [
    "A board does not keep this as it was, so it was changed: angle, fillStyle, opacity, strokeOptions.",
  ])
  ann.drag(id)
  ann.edit(id, { x: 1e9 })
  await meet()
  assert.equal(ann.the(id).x, 1e9, "in hand it stays")
  ann.hold()
  await meet()
  assert.deepEqual([ann.the(id).x, bob.the(id).x], [1e6, 1e6])
  assert.equal(ann.told.length, 2)
})

test("an arrow of a newer Excalidraw stays bound, for everybody", async (t) => {
  const { ann, bob, meet } = two(t)
  const box = ann.draw("rectangle")
  const startBinding = { elementId: box, mode: "orbit", fixedPoint: [1.03, 0.5] }
  const id = ann.draw("arrow", { points: [[0, 0], [9, 9]], startBinding }) // biome-ignore format: points
  await meet()
  for (const user of [ann, bob]) {
    assert.deepEqual(user.the(id).startBinding, { elementId: box, focus: 0, gap: 5, fixedPoint: [1.03, 0.5], mode: "orbit" }) // biome-ignore format: short
  }
  assert.deepEqual(ann.told, [])
})

test("one who has ended an edit and begins another merges with what was typed meanwhile", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("text", { text: "-", originalText: "-" })
  await meet()
  bob.type(id, (text) => `${text}b`)
  ann.type(id, (text) => `a${text}`)
  await meet()
  ann.hold()
  await meet()
  ann.type(id, (text) => `a${text}`)
  bob.type(id, (text) => `${text}b`)
  await meet()
  ann.hold()
  bob.hold()
  await meet()
  assert.deepEqual([ann.the(id).originalText, bob.the(id).originalText], ["aa-bb", "aa-bb"])
})

test("text that is typed just as another's comes is not lost", async (t) => {
  const { ann, bob, clock, meet } = two(t)
  const id = ann.draw("text", { text: "-", originalText: "-" })
  await meet()
  ann.edit(id, { text: "-a", originalText: "-a" })
  bob.edit(id, { text: "b-", originalText: "b-" })
  bob.edit(id, { text: "bb-", originalText: "bb-" }) // within the beat, so that it waits
  clock.pass(0)
  await meet()
  assert.deepEqual([ann.the(id).originalText, bob.the(id).originalText], ["bb-a", "bb-a"])
})

test("text merges also where changes of others come with the very change that is made", async (t) => {
  const { ann, bob, net, meet } = two(t)
  const id = ann.draw("text", { text: "-", originalText: "-" })
  const box = ann.draw("rectangle")
  await meet()
  bob.edit(id, { text: "-b", originalText: "-b" })
  bob.scene.flush()
  bob.edit(box, { x: 99 })
  bob.scene.flush()
  ann.board.claims = net.log.filter(({ from }) => from === bob.board)
  ann.edit(id, { text: "a-", originalText: "a-" })
  await meet()
  assert.deepEqual([ann.the(id).originalText, bob.the(id).originalText], ["a-b", "a-b"])
  assert.equal(ann.the(box).x, 99)
})

test("a resize of a box does not get lost as the text in it is measured", async (t) => {
  const { ann, bob, clock, meet } = two(t)
  const box = ann.draw("rectangle", { boundElements: [{ id: "01-1", type: "text" }] })
  const text = ann.draw("text", { text: "one two", originalText: "one two", containerId: box })
  await meet()
  ann.edit(box, { x: 1 })
  ann.edit(box, { width: 500 }) // within the beat
  bob.edit(text, { text: "stale", originalText: "one two three" })
  bob.scene.flush()
  ann.board.receive()
  clock.pass(1000)
  await meet()
  assert.deepEqual([ann.the(box).width, bob.the(box).width], [500, 500])
  assert.equal(ann.the(text).text, "one two three")
})

test("two who bind arrows to one box at once both stay bound", async (t) => {
  const { ann, bob, meet } = two(t)
  const box = ann.draw("rectangle")
  await meet()
  const bind = (user: User) => {
    const arrow = user.draw("arrow", {
      points: [[0, 0], [9, 9]], // biome-ignore format: points
      endBinding: { elementId: box, focus: 0, gap: 1 },
    })
    user.edit(box, { boundElements: [{ id: arrow, type: "arrow" }] })
    return arrow
  }
  const arrows = [bind(ann), bind(bob)].sort()
  await meet()
  const bound = (user: User) => (user.the(box).boundElements as { id: string }[]).map(({ id }) => id)
  assert.deepEqual(bound(ann).sort(), arrows)
  assert.deepEqual(bound(bob), bound(ann))
  ann.edit(box, { boundElements: bound(ann).filter((id) => id !== arrows[0]).map((id) => ({ id, type: "arrow" })) }) // biome-ignore format: short
  await meet()
  assert.deepEqual(bound(bob), [arrows[1]])
})

test("elements that two put at the same place of the order lie in one order for both", async (t) => {
  const { ann, bob, net, meet } = two(t)
  const ids = [ann.draw("rectangle"), bob.draw("ellipse"), ann.draw("diamond"), bob.draw("rectangle")]
  await meet()
  const order = (user: User) => user.elements().map(({ id, index }) => `${id} ${index}`)
  assert.deepEqual(order(ann), order(bob))
  assert.equal(new Set(ann.elements().map(({ index }) => index)).size, ids.length, "no index twice")
  ann.toFront(ids[0] as string)
  bob.toFront(ids[1] as string)
  await meet()
  assert.deepEqual(order(ann), order(bob))
  const sent = net.log.length
  await meet()
  assert.equal(net.log.length, sent)
})

test("what is too small when its gesture ends vanishes everywhere", async (t) => {
  const { ann, bob, meet } = two(t)
  const id = ann.draw("rectangle", { width: 0, height: 0 })
  ann.hold({ newElement: ann.the(id) })
  await meet()
  assert.equal(bob.has(id), false, "nobody sees it before it is something")
  ann.edit(id, { width: 40, height: 40 })
  await meet()
  assert.equal(bob.has(id), true)
  ann.edit(id, { width: 0, height: 0 })
  ann.drop(id)
  ann.hold()
  await meet()
  assert.deepEqual([ann.has(id), bob.has(id)], [false, false])
})

test("what the editor drops without deleting it comes back", async (t) => {
  const { ann, bob, meet } = two(t)
  const ids = [ann.draw("rectangle"), bob.draw("ellipse")]
  await meet()
  ann.drop(...ids)
  await meet()
  for (const user of [ann, bob]) assert.deepEqual(ids.map((id) => user.has(id)), [true, true]) // biome-ignore format: short
})

test("what is larger than the relay takes is taken back, with a sentence, and the rest is written", async (t) => {
  const { ann, bob, meet } = two(t)
  const kept = ann.draw("text", { text: "short", originalText: "short" })
  await meet()
  ann.board.limit = 3000
  const long = Array.from({ length: 900 }, (_, i) => `word ${i}`).join(" ")
  const lost = ann.draw("text", { text: long, originalText: long })
  const fine = ann.draw("rectangle")
  ann.edit(kept, { text: long, originalText: long })
  await meet()
  assert.deepEqual([ann.has(lost), ann.has(fine), ann.the(kept).text], [false, true, "short"])
  assert.deepEqual([bob.has(lost), bob.has(fine), bob.the(kept).text], [false, true, "short"])
  assert.match(ann.told.join(), /larger than the relay takes/)
  assert.ok(ann.scene.settled)
})

test("many elements are written in many changes, each a piece of them", async (t) => {
  const { ann, bob, net, meet } = two(t)
  for (let i = 0; i < 500; i++) ann.draw("rectangle", { x: i })
  const before = net.log.length
  ann.scene.flush()
  assert.ok(net.log.length - before >= 5, `${net.log.length - before} changes`)
  await meet()
  assert.equal(bob.elements().length, 500)
})

test("who may only read never writes", async (t) => {
  const { ann, bob, net, meet } = two(t)
  bob.board.document.status = { state: "read-only" }
  const id = ann.draw("rectangle", { index: "a1" })
  ann.draw("rectangle", { index: "a1" })
  await meet()
  bob.edit(id, { x: 5 })
  bob.drop(id)
  bob.scene.flush()
  await meet()
  assert.deepEqual(net.log.filter(({ from }) => from === bob.board), []) // biome-ignore format: short
  assert.deepEqual(bob.told, [])
  assert.ok(bob.scene.settled)
})

test("a document that was built anew is shown, and what the user has not written yet is written", async (t) => {
  const { ann, bob, meet } = two(t)
  const [moved, gone, mine] = [ann.draw("rectangle"), ann.draw("rectangle"), ann.draw("rectangle")]
  await meet()
  ann.edit(mine, { x: 1 })
  ann.edit(mine, { x: 77 }) // within the beat
  ann.board.rebuild((d) => {
    Object.assign(d.elements[moved] ?? {}, { x: 300, y: 300 })
    delete d.elements[gone]
  })
  await meet()
  assert.deepEqual([ann.the(moved).x, ann.has(gone), ann.the(mine).x], [300, false, 77])
  assert.deepEqual([bob.the(moved).x, bob.has(gone), bob.the(mine).x], [300, false, 77])
})

test("a page that opens shows what is there, without what was deleted, and writes nothing", async (t) => {
  const { ann, net, meet } = two(t)
  const [kept, gone] = [ann.draw("rectangle"), ann.draw("freedraw", { points: [[0, 0], [1, 1]] })] // biome-ignore format: points
  ann.edit(gone, { isDeleted: true })
  await meet()
  const board = net.join()
  board.receive()
  const sent = net.log.length
  const eve = new User(board)
  eve.scene.changed()
  await meet()
  assert.deepEqual(
    eve.elements().map(({ id }) => id),
    [kept],
  )
  assert.equal(net.log.length, sent)
  ann.edit(gone, { isDeleted: false })
  await meet()
  assert.ok(eve.has(gone), "what is brought back comes")
})

test("the document says who wrote, once for each name", async (t) => {
  const { ann, meet } = two(t)
  const id = ann.draw("rectangle")
  await meet()
  ann.edit(id, { x: 1 })
  ann.name = "Anna"
  await meet()
  ann.edit(id, { x: 2 })
  await meet()
  const said = ann.board.doc.people[ann.board.document.actor]
  assert.deepEqual(JSON.parse(String(said)), { name: "Anna", colour: "#123456" })
  const writes = A.getHistory(ann.board.doc).flatMap(({ change }) => change.ops)
  assert.equal(writes.filter(({ key }) => key === ann.board.document.actor).length, 2)
})

test("what is written when the page closes is not lost", async (t) => {
  const { ann, bob, net, meet } = two(t)
  const id = ann.draw("rectangle")
  await meet()
  ann.edit(id, { x: 1 })
  ann.edit(id, { x: 2 })
  ann.scene.close()
  await net.deliverAll()
  assert.equal(bob.the(id).x, 2)
})

test("what is let go just as something is shown is not waited for", async (t) => {
  const { ann, bob, net, clock, meet } = two(t)
  const [id, other] = [ann.draw("rectangle"), ann.draw("rectangle")]
  await meet()
  ann.drag(id)
  bob.edit(id, { strokeColor: "#ff0000" })
  await meet()
  bob.edit(other, { x: 9 })
  clock.pass(500)
  ann.letsGoWhenShown = true
  ann.board.receive()
  await net.deliverAll()
  assert.equal(ann.the(id).strokeColor, "#ff0000")
})
