// How the relay stands, live: for those who run it.

import type { RelayStatus } from "@baton-relay/client"
import { setToken, token } from "../link/link.ts"
import "../look/look.css"
import { getTheme, onTheme, setTheme } from "../look/theme.ts"
import "../look/themeswitch.css"
import { Chart } from "./chart.ts"
import { Door } from "./door.ts"
import { type Answer, poll } from "./poll.ts"
import { Rooms } from "./rooms.ts"
import { type Sample, Samples } from "./samples.ts"
import "./status.css"
import { the } from "./the.ts"
import { bytes, clock, count, rate, span } from "./words.ts"

const perSecond = (n: number) => `${rate(n)}/s`
const bytesPerSecond = (n: number) => `${bytes(n)}/s`

/** Each chart, with what its lines do not say. */
const charts: [Chart, (s: RelayStatus) => string][] = [
  [
    new Chart({
      title: "People",
      kind: "people",
      lines: [
        { name: "participants", of: (s) => s.participants, say: count },
        { name: "sessions", of: (s) => s.sessions, say: count },
      ],
    }),
    (s) => (s.rooms === 1 ? "in 1 open document" : `in ${count(s.rooms)} open documents`),
  ],
  [
    new Chart({ title: "Ops in", kind: "ops", lines: [{ of: (s) => s.ops, say: perSecond }] }),
    (s) => `${count(s.totals.ops)} since the start`,
  ],
  [
    new Chart({ title: "Frames out", kind: "frames", lines: [{ of: (s) => s.frames, say: perSecond }] }),
    (s) => `${count(s.totals.frames_out)} since the start`,
  ],
  [
    new Chart({ title: "Bytes out", kind: "bytes", lines: [{ of: (s) => s.bytes, say: bytesPerSecond }] }),
    (s) => `${bytes(s.totals.bytes_out)} since the start`,
  ],
  [
    new Chart({
      title: "Largest lag",
      kind: "lag",
      peaks: true,
      lines: [{ of: (s) => s.lag, say: (n) => (n === 1 ? "1 op" : `${count(n)} ops`) }],
    }),
    (s) => {
      if (s.catching_up === 0) return "nobody is catching up"
      return s.catching_up === 1 ? "1 reader catching up" : `${count(s.catching_up)} readers catching up`
    },
  ],
  [
    new Chart({
      title: "Rejects",
      kind: "rejects",
      peaks: true,
      lines: [{ of: (s) => s.rejects, say: perSecond }],
    }),
    ({ totals }) =>
      Object.entries(totals.rejects)
        .sort(([, a], [, b]) => b - a)
        .map(([code, n]) => `${code} ${count(n)}`)
        .join(", ") || "none since the start",
  ],
  [
    new Chart({
      title: "Memory",
      kind: "memory",
      lines: [
        { name: "held", of: (s) => s.memory, say: bytes },
        { name: "heap", of: (s) => s.heap, say: bytes },
      ],
    }),
    ({ go }) => `${count(go.goroutines)} goroutines, ${count(go.gc_cycles)} GCs`,
  ],
  [
    new Chart({ title: "Log", kind: "log", growth: true, lines: [{ of: (s) => s.log, say: bytes }] }),
    (s) => (s.log ? "drawn is what was added" : "it does not say its size"),
  ],
]

const samples = new Samples()
const rooms = new Rooms(the<HTMLTableElement>("rooms"), the("rooms-count"))
let status: RelayStatus | undefined
/** When the relay was last heard, or the page was opened. */
let heard = new Date()
/** Where the pointer is in the charts, 0 to 1 from left to right. */
let pointed: number | undefined

/** Writes a text where it is another one: what stays the same is not read out again. */
function write(id: string, text: string): void {
  const element = the(id)
  if (element.textContent !== text) element.textContent = text
}

function showState(state: string, word: string, notice = "", next = ""): void {
  the("state").dataset.state = state
  write("state-word", word)
  write("notice", notice)
  write("next", next)
  document.title = state === "ready" ? "Status" : `${word} – Status`
}

function draw(): void {
  const now = performance.now()
  const ms = samples.span(now)
  write("charts-title", ms <= 60_000 ? "The last minute" : `The last ${ms / 60_000} minutes`)
  let at: Sample | undefined
  if (pointed !== undefined) {
    const when = now - (1 - pointed) * ms
    const away = (sample: Sample) => Math.abs(sample.at - when)
    at = samples.list.reduce<Sample | undefined>((a, b) => (a && away(a) <= away(b) ? a : b), undefined)
  }
  for (const [chart, note] of charts) {
    chart.show(samples.list, now, ms, at ? `${span(now - at.at)} ago` : status ? note(status) : "", at)
  }
}

function told(answer: Answer): void {
  the("forget").hidden = token() === undefined
  if (answer.is === "refused") {
    showState("refused", "No access")
    door.close(answer.code, answer.message)
    return
  }
  if (answer.is === "silent") {
    showState(
      "silent",
      "No answer",
      `The relay does not answer since ${clock(heard)}${answer.why && `: ${answer.why}`}.`,
      `It is asked again at ${clock(new Date(Date.now() + answer.again))}.`,
    )
    draw()
    return
  }
  door.open()
  status = answer.status
  heard = new Date()
  const { ready, draining, why = "" } = status
  if (ready) showState("ready", "Ready")
  else showState(draining ? "draining" : "unready", draining ? "Draining" : "Not ready", `Why: ${why}.`)
  write("version", status.version)
  write("uptime", span(status.at - status.started))
  the("uptime").title = `since ${new Date(status.started).toLocaleString("en-GB")}`
  samples.add(status, performance.now())
  draw()
  rooms.show(status)
}

const theme = the("theme")
const showTheme = () => theme.setAttribute("aria-pressed", String(getTheme() === "dark"))
theme.addEventListener("click", () => setTheme(getTheme() === "dark" ? "light" : "dark"))
onTheme(showTheme)
showTheme()

const grid = the("charts")
grid.append(...charts.map(([{ element }]) => element))
for (const [{ plot }] of charts) {
  plot.addEventListener("pointermove", ({ clientX }) => {
    const { left, width } = plot.getBoundingClientRect()
    pointed = (clientX - left) / width
    draw()
  })
  plot.addEventListener("pointerleave", () => {
    pointed = undefined
    draw()
  })
}
draw()

the("forget").addEventListener("click", () => {
  setToken(undefined)
  asking.now()
})
const door = new Door(() => asking.now())
const asking = poll(told)
