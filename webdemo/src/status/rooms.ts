// The table of open documents, the busiest first. Rows stay where they are while somebody points at one or has it in
// focus: what one is about to click does not run away.

import type { RelayStatus } from "@baton-relay/client"
import { pathOf, placeOfDocument } from "../link/link.ts"
import { bytes, count, rate } from "./words.ts"

type Room = RelayStatus["busiest"][number]

export class Rooms {
  readonly #table: HTMLTableElement
  readonly #count: HTMLElement
  readonly #body: HTMLTableSectionElement
  readonly #rows = new Map<string, HTMLTableRowElement>()
  readonly #none = document.createElement("tr")

  constructor(table: HTMLTableElement, count: HTMLElement) {
    this.#table = table
    this.#count = count
    this.#body = table.tBodies[0] as HTMLTableSectionElement
    const cell = this.#none.insertCell()
    cell.colSpan = 8
    cell.textContent = "No document is open at the moment."
  }

  show({ busiest, rooms }: RelayStatus): void {
    const most = Math.max(...busiest.map(({ ops_s }) => ops_s))
    const held = this.#table.matches(":has(tbody :is(tr:hover, a:focus-visible))")
    const names = new Set(busiest.map(({ doc }) => doc))
    for (const [doc, row] of this.#rows) {
      if (names.has(doc)) continue
      row.remove()
      this.#rows.delete(doc)
    }
    let at: Element | null = this.#body.firstElementChild
    for (const room of busiest) {
      let row = this.#rows.get(room.doc)
      if (!row) {
        row = rowOf(room.doc)
        this.#rows.set(room.doc, row)
        if (held) this.#body.append(row)
      }
      fill(row, room, most)
      if (held) continue
      if (row === at) at = at.nextElementSibling
      else this.#body.insertBefore(row, at)
    }
    if (busiest.length > 0) this.#none.remove()
    else this.#body.append(this.#none)
    const text =
      rooms > busiest.length ? `The ${count(busiest.length)} busiest of ${count(rooms)} open documents.` : ""
    if (this.#count.textContent !== text) this.#count.textContent = text
  }
}

function rowOf(doc: string): HTMLTableRowElement {
  const row = document.createElement("tr")
  const head = document.createElement("th")
  head.scope = "row"
  const place = placeOfDocument(doc)
  const name = document.createElement(place ? "a" : "span")
  if (place) name.setAttribute("href", pathOf(place))
  name.textContent = doc
  name.title = doc
  head.append(name)
  row.append(head)
  for (const wide of [false, false, true, true, false, true, true]) {
    const cell = row.insertCell()
    if (wide) cell.className = "wide"
  }
  return row
}

function fill(row: HTMLTableRowElement, room: Room, most: number): void {
  const texts = [
    count(room.participants),
    rate(room.ops_s),
    room.bytes_s < 0.5 ? "0" : bytes(room.bytes_s),
    count(room.head),
    count(room.lag),
    count(room.catching_up),
    room.format ?? "–",
  ]
  texts.forEach((text, i) => {
    const cell = row.cells[i + 1]
    if (cell && cell.textContent !== text) cell.textContent = text
  })
  row.classList.toggle("behind", room.catching_up > 0)
  row.style.setProperty("--share", most > 0 ? (room.ops_s / most).toFixed(3) : "0")
}
