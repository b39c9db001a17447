// Boards with a bit of everything that a board can have, the same each time: each element in a place of its own, so that
// one can tell which of them are drawn otherwise.

import type { ExcalidrawElement } from "@excalidraw/excalidraw/element/types"

type Props = Record<string, unknown>

/** How far apart the places are, and how many lie side by side. */
const cell = 96
const columns = 20

export interface Scenery {
  seed: number
  count: number
  roughness: (random: () => number) => number
  /** Ids of images that are there. */
  images: string[]
}

/** Returns the elements of such a board, in the order in which they are drawn. */
export function scenery({ seed, count, roughness, images }: Scenery): ExcalidrawElement[] {
  const random = randomFrom(seed)
  const maker = new Maker(random, roughness, images)
  for (let i = 0; i < count; i++) {
    maker.at(12 + (i % columns) * cell, 12 + Math.floor(i / columns) * cell)
    ;(makers[i % makers.length] as (maker: Maker) => void)(maker)
  }
  // What the picture measures must not hang on the bounds of a curve.
  maker.at(0, 0)
  maker.put("rectangle", { ...plain, width: columns * cell, height: Math.ceil(count / columns) * cell })
  return maker.elements as unknown as ExcalidrawElement[]
}

/** Numbers from 0 to below 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const plain = {
  angle: 0,
  strokeColor: "#1e1e1e",
  backgroundColor: "transparent",
  fillStyle: "solid",
  strokeWidth: 1,
  strokeStyle: "solid",
  roundness: null,
  roughness: 0,
  opacity: 100,
}

class Maker {
  readonly elements: Props[] = []
  readonly random: () => number
  readonly images: string[]
  #roughness: (random: () => number) => number
  #x = 0
  #y = 0

  constructor(random: () => number, roughness: (random: () => number) => number, images: string[]) {
    this.random = random
    this.images = images
    this.#roughness = roughness
  }

  at(x: number, y: number): void {
    this.#x = x
    this.#y = y
  }

  pick<T>(...from: T[]): T {
    return from[Math.floor(this.random() * from.length)] as T
  }

  between(low: number, high: number): number {
    return Math.round((low + this.random() * (high - low)) * 4) / 4
  }

  look(): Props {
    return {
      angle: this.pick(0, 0, 0.4, 1.2, 3),
      strokeColor: this.pick("#1e1e1e", "#e03131", "#2f9e44", "#1971c2", "#f08c00"),
      backgroundColor: this.pick("transparent", "#ffc9c9", "#b2f2bb", "#a5d8ff", "#ffec99"),
      fillStyle: this.pick("solid", "solid", "hachure", "cross-hatch", "zigzag"),
      strokeWidth: this.pick(1, 2, 4),
      strokeStyle: this.pick("solid", "solid", "dashed", "dotted"),
      roundness: this.pick(null, { type: 3 }, { type: 2 }),
      roughness: this.#roughness(this.random),
      opacity: this.pick(100, 100, 60),
    }
  }

  put(type: string, props: Props): Props {
    const n = this.elements.length
    const element = {
      id: `e${n}`,
      type,
      x: this.#x,
      y: this.#y,
      width: this.between(30, 62),
      height: this.between(30, 62),
      ...this.look(),
      seed: Math.floor(this.random() * 2 ** 31) || 1,
      index: `b${String.fromCharCode(97 + Math.floor(n / 26))}${String.fromCharCode(97 + (n % 26))}`,
      isDeleted: false,
      groupIds: [],
      frameId: null,
      boundElements: null,
      link: null,
      locked: false,
      ...props,
    }
    this.elements.push(element)
    return element
  }

  line(type: string, points: [number, number][], props: Props): Props {
    const xs = points.map(([x]) => x)
    const ys = points.map(([, y]) => y)
    return this.put(type, {
      points,
      width: Math.max(...xs) - Math.min(...xs),
      height: Math.max(...ys) - Math.min(...ys),
      startBinding: null,
      endBinding: null,
      startArrowhead: null,
      endArrowhead: null,
      ...(type === "arrow" && { elbowed: false }),
      ...props,
    })
  }

  text(text: string, props: Props): Props {
    const lines = text.split("\n")
    const fontSize = (props.fontSize as number | undefined) ?? 16
    return this.put("text", {
      fontSize,
      fontFamily: 5,
      text,
      originalText: text,
      width: Math.max(...lines.map(({ length }) => length)) * fontSize * 0.55,
      height: lines.length * fontSize * 1.25,
      textAlign: "left",
      verticalAlign: "top",
      containerId: null,
      autoResize: true,
      lineHeight: 1.25,
      roundness: null,
      backgroundColor: "transparent",
      strokeStyle: "solid",
      ...props,
    })
  }
}

const heads = [
  "arrow",
  "triangle",
  "triangle_outline",
  "dot",
  "circle",
  "circle_outline",
  "diamond",
  "diamond_outline",
  "bar",
  "crowfoot_one",
  "crowfoot_many",
  "crowfoot_one_or_many",
]

const makers: ((m: Maker) => void)[] = [
  (m) => m.put("rectangle", {}),
  (m) => m.put("diamond", {}),
  (m) => m.put("ellipse", {}),
  (m) => m.line("line", zigzag(m), {}),
  (m) => m.line("line", [...zigzag(m), [0, 0]], {}),
  (m) => m.line("arrow", zigzag(m).slice(0, 2 + Math.floor(m.random() * 3)), ends(m)),
  (m) => m.line("arrow", elbow(m), { ...ends(m), angle: 0, elbowed: true, roundness: null, ...special }),
  (m) => freehand(m),
  (m) => m.text(m.pick("Words", "To be\nor not", "fi AVA Tj.", "Grün €"), font(m)),
  (m) => boxed(m),
  (m) => labelled(m),
  (m) => picture(m),
  (m) => m.put("rectangle", { roundness: { type: 3 }, fillStyle: "hachure" }),
  (m) => m.put("ellipse", { fillStyle: m.pick("cross-hatch", "zigzag"), backgroundColor: "#a5d8ff" }),
  (m) => framed(m),
  (m) =>
    m.put(m.pick("embeddable", "iframe"), {
      width: 80,
      height: 50,
      link: m.pick(null, "https://a.example/b"),
    }),
]

const special = { fixedSegments: null, startIsSpecial: null, endIsSpecial: null }

function zigzag(m: Maker): [number, number][] {
  return [
    [0, 0],
    [m.between(40, 70), m.between(0, 20)],
    [m.between(0, 30), m.between(30, 50)],
    [m.between(40, 70), m.between(50, 70)],
  ]
}

function elbow(m: Maker): [number, number][] {
  const [x, y, z] = [m.between(20, 35), m.between(30, 60), m.between(50, 70)]
  return [
    [0, 0],
    [x, 0],
    [x, y],
    [z, y],
  ]
}

function ends(m: Maker): Props {
  return { startArrowhead: m.pick(null, ...heads), endArrowhead: m.pick(...heads) }
}

function freehand(m: Maker): void {
  const [turns, closes] = [m.between(2, 7), m.random() < 0.5]
  const points = Array.from({ length: 60 }, (_, i): [number, number] => {
    const t = (i / 59) * 2 * Math.PI
    const [x, y] = closes
      ? [35 - 35 * Math.cos(t), 30 * Math.sin(t)]
      : [i * 1.2, 25 * Math.sin((t * turns) / 4)]
    return [Math.round(x * 100) / 100, Math.round(y * 100) / 100]
  })
  const simulatePressure = m.random() < 0.5
  const pressures = simulatePressure ? [] : points.map((_, i) => Math.round((0.3 + i / 120) * 100) / 100)
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  m.put("freedraw", {
    points,
    pressures,
    simulatePressure,
    width: Math.max(...xs, 0) - Math.min(...xs, 0),
    height: Math.max(...ys, 0) - Math.min(...ys, 0),
    strokeWidth: m.pick(1, 2),
    lastCommittedPoint: null,
  })
}

/** Not Liberation Sans, number 9: Excalidraw's file of it has no letters that Chromium sees. */
function font(m: Maker): Props {
  return {
    fontFamily: m.pick(1, 2, 3, 5, 5, 6, 7, 8),
    fontSize: m.pick(16, 20, 24),
    textAlign: m.pick("left", "center", "right"),
    angle: m.pick(0, 0, 0.3),
  }
}

/** A text in a box. */
function boxed(m: Maker): void {
  const box = m.put(m.pick("rectangle", "ellipse", "diamond"), { width: 80, height: 60, angle: 0 })
  const text = m.text("in it", {
    textAlign: "center",
    verticalAlign: "middle",
    containerId: box.id,
    angle: 0,
  })
  text.x = (box.x as number) + 40 - (text.width as number) / 2
  text.y = (box.y as number) + 30 - (text.height as number) / 2
  box.boundElements = [{ id: text.id, type: "text" }]
}

/** A text on an arrow. */
function labelled(m: Maker): void {
  const points: [number, number][] = [
    [0, 10],
    [80, m.between(10, 60)],
  ]
  points[0] = [0, 0]
  const arrow = m.line("arrow", points, { endArrowhead: "arrow", angle: 0, roundness: null, opacity: 100 })
  const text = m.text("on", { textAlign: "center", verticalAlign: "middle", containerId: arrow.id, angle: 0 })
  arrow.boundElements = [{ id: text.id, type: "text" }]
}

function picture(m: Maker): void {
  const crop = { x: 8, y: 4, width: 20, height: 24, naturalWidth: 40, naturalHeight: 40 }
  m.put("image", {
    fileId: m.pick(...m.images),
    scale: [m.pick(1, -1), m.pick(1, -1)],
    crop: m.pick(null, crop),
    status: "saved",
    strokeColor: "transparent",
  })
}

/** A frame, and something that sticks out of it. */
function framed(m: Maker): void {
  const frame = m.put("frame", { width: 60, height: 50, angle: 0, name: m.pick(null, "Name", "A long name") })
  m.put("ellipse", {
    frameId: frame.id,
    x: (frame.x as number) + 25,
    angle: 0,
    opacity: 100,
    fillStyle: "solid",
  })
}
