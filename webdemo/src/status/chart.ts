// A line chart over the last minutes, as SVG: a figure with what is now in large, and the lines below.

import { gapMs, line, type Point, type Sample } from "./samples.ts"

export interface Line {
  /** What it is of, where a chart has more than one: participants. */
  name?: string
  of(sample: Sample): number | undefined
  /** The value as a person reads it. */
  say(value: number): string
}

export interface ChartOptions {
  title: string
  /** For the colours: "people", "rejects". */
  kind: string
  lines: Line[]
  /** Draws how much it has grown, not how large it is. */
  growth?: boolean
  /** Draws the most of each stretch of time: a peak counts. */
  peaks?: boolean
}

const width = 600
const height = 100
const svgNS = "http://www.w3.org/2000/svg"

export class Chart {
  readonly element = document.createElement("figure")
  /** Where the lines are, for the pointer. */
  readonly plot = document.createElement("div")
  readonly #options: ChartOptions
  readonly #values: HTMLElement[] = []
  readonly #lines: SVGPathElement[] = []
  readonly #area = path("area")
  readonly #cursor = path("cursor")
  readonly #svg = document.createElementNS(svgNS, "svg")
  readonly #top = small("status-top")
  readonly #note = small("status-note")

  constructor(options: ChartOptions) {
    this.#options = options
    this.element.dataset.kind = options.kind
    const caption = document.createElement("figcaption")
    const title = document.createElement("h3")
    title.textContent = options.title
    const values = document.createElement("div")
    values.className = "status-values"
    for (const { name } of options.lines) {
      const value = document.createElement("strong")
      value.textContent = "–"
      const item = document.createElement("span")
      item.append(value, name ? ` ${name}` : "")
      values.append(item)
      this.#values.push(value)
      this.#lines.push(path("line"))
    }
    caption.append(title, values)
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    this.#svg.setAttribute("preserveAspectRatio", "none")
    this.#svg.setAttribute("role", "img")
    const grid = path("grid")
    grid.setAttribute("d", [0, height / 2, height].map((y) => `M0 ${y}H${width}`).join(""))
    this.#svg.append(grid, this.#area, ...this.#lines.toReversed(), this.#cursor)
    this.plot.className = "status-plot"
    this.plot.append(this.#svg, this.#top)
    this.element.append(caption, this.plot, this.#note)
  }

  /**
   * Draws the samples of so many ms up to now. With the sample at, the values are its. The note says what the lines do
   * not.
   */
  show(samples: readonly Sample[], now: number, ms: number, note: string, at?: Sample): void {
    const { lines, growth = false, peaks = false, title } = this.#options
    const points = lines.map(({ of }) => line(samples, of, ms, peaks))
    const all = points.flat().flatMap(({ value }) => value ?? [])
    const floor = growth && all.length > 0 ? Math.min(...all) : 0
    const most = Math.max(floor, ...all) - floor
    const top = ceiling(most)
    const x = (at: number) => width - ((now - at) / ms) * width
    const said: string[] = []
    lines.forEach(({ name, of, say }, i) => {
      const shape = draw(points[i] ?? [], x, (value) => height - ((value - floor) / top) * height)
      this.#lines[i]?.setAttribute("d", shape.line)
      if (i === 0) this.#area.setAttribute("d", shape.area)
      const last = at ?? samples.at(-1)
      const value = last && of(last)
      const text = value === undefined ? "–" : say(value)
      const element = this.#values[i]
      if (element) element.textContent = text
      said.push(name ? `${text} ${name}` : text)
    })
    const say = lines[0]?.say ?? String
    this.#top.textContent = `${growth ? "+" : ""}${say(top).replace(/\.0\b/, "")}`
    this.#note.textContent = note
    this.#cursor.setAttribute("d", at ? `M${x(at.at)} 0V${height}` : "")
    this.#svg.setAttribute(
      "aria-label",
      `${title}: ${said.join(", ")}; ${growth ? "grew by" : "at most"} ${say(most)} in this time`,
    )
  }
}

/** The lines through what is known, broken where nothing was heard for a while, and the area below them. */
function draw(
  points: readonly Point[],
  x: (at: number) => number,
  y: (value: number) => number,
): { line: string; area: string } {
  let line = ""
  let area = ""
  let before: number | undefined
  for (const { at, value } of points) {
    const joined = before !== undefined && at - before <= gapMs
    if (before !== undefined && (!joined || value === undefined)) area += `V${height}Z`
    before = value === undefined ? undefined : at
    if (value === undefined) continue
    const to = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`
    line += `${joined ? "L" : "M"}${to}`
    area += joined ? `L${to}` : `M${x(at).toFixed(1)} ${height}L${to}`
  }
  return { line, area: before !== undefined ? `${area}V${height}Z` : area }
}

/** The next round number above, so that the axis does not move all the time. */
function ceiling(most: number): number {
  if (most <= 0) return 1
  const step = 10 ** Math.floor(Math.log10(most))
  return ([1, 2, 5].find((n) => n * step >= most) ?? 10) * step
}

function path(className: string): SVGPathElement {
  const element = document.createElementNS(svgNS, "path")
  element.setAttribute("class", className)
  return element
}

function small(className: string): HTMLElement {
  const element = document.createElement("small")
  element.className = className
  return element
}
