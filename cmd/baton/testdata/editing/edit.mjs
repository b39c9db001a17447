// Real editing over the wire protocol, by programs that share nothing but it:
// two authors who type a trace of edits into one Automerge document, taking
// turns; a reader that goes away in the middle and comes back with nothing but
// a clock; a reader that comes late.
//
//   node edit.mjs --role author --me a --peer b --trace FILE --url ws://… --doc D
//   node edit.mjs --role resume|late --ops N --url ws://… --doc D
//
// Each prints one line of JSON at its end.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Automerge from "@automerge/automerge"
import WebSocket from "ws"

const { values: arg } = parseArgs({
  options: {
    role: { type: "string" },
    url: { type: "string" },
    doc: { type: "string" },
    me: { type: "string" },
    peer: { type: "string" },
    trace: { type: "string" },
    turn: { type: "string", default: "1000" },
    ops: { type: "string" },
  },
})
const started = performance.now()

function fail(message) {
  console.error(`${arg.role} ${arg.me ?? ""}: ${message}`)
  process.exit(1)
}

// connect joins the document and calls on[type](frame) for each frame.
function connect(since, on) {
  const ws = new WebSocket(arg.url, "baton.v1")
  ws.on("open", () => ws.send(JSON.stringify({ type: "join", doc: arg.doc, format: "automerge", channels: ["ops"], since })))
  ws.on("message", (data) => {
    const frame = JSON.parse(data)
    if (frame.type === "error" || frame.type === "reject") fail(JSON.stringify(frame))
    on[frame.type]?.(frame)
  })
  ws.on("error", (err) => fail(err.message))
  ws.on("close", (code) => on.close?.(code))
  return ws
}

const bytes = (op) => Uint8Array.from(Buffer.from(op.payload, "base64"))

// A clock proves that nothing is missing: each op is its actor's next, and all
// that its author had seen is here.
class Clock extends Map {
  take(op) {
    const next = (this.get(op.actor) ?? 0) + 1
    if (op.seq < next) return false // had it
    if (op.seq > next) fail(`gap: ${op.actor}:${op.seq} came, ${next} is missing`)
    for (const [actor, seq] of Object.entries(op.clock)) {
      if ((this.get(actor) ?? 0) < seq) fail(`${op.actor}:${op.seq} came before ${actor}:${seq}`)
    }
    this.set(op.actor, op.seq)
    return true
  }
}

function report(doc, more) {
  const text = doc.text
  const sha256 = createHash("sha256").update(text).digest("hex")
  console.log(JSON.stringify({
    role: arg.role, me: arg.me, length: text.length, sha256, seconds: (performance.now() - started) / 1000, ...more,
  }))
}

// An author's op i (counted over both authors) is edit i of the trace; op 0
// makes the empty text. Author a has the turns 0, 2, 4 …
function author() {
  const edits = JSON.parse(readFileSync(arg.trace, "utf8"))
  const turn = Number(arg.turn)
  const first = arg.me < arg.peer
  const mine = (i) => (Math.floor(i / turn) % 2 === 0) === first
  let doc = Automerge.init({ actor: Buffer.from(arg.me).toString("hex") })
  let done = 0 // ops that doc holds
  let queue = []
  let seq = 0
  let seen = 0 // of the peer
  let named = 0 // what the last op of mine said of the peer
  let acked = 0
  let unacked = Infinity
  const clock = new Clock()

  const ws = connect(undefined, {
    welcome: (f) => { unacked = f.limits.unacked_ops / 2 },
    ops: (f) => {
      for (const op of f.ops) if (clock.take(op)) queue.push(bytes(op))
      work()
    },
    live: () => work(),
    ack: (f) => {
      acked = f.seq
      work()
    },
  })

  function edit(i) {
    return Automerge.change(doc, { time: 0 }, (d) => {
      if (i === 0) d.text = ""
      else {
        const [at, deletions, ...text] = edits[i - 1]
        Automerge.splice(d, ["text"], at, deletions, text.join(""))
      }
    })
  }

  function work() {
    // The peer's turn is taken in whole: one call costs as much as a thousand.
    if (done <= edits.length && !mine(done)) {
      const need = Math.min(turn, edits.length + 1 - done)
      if (queue.length < need) return
      ;[doc] = Automerge.applyChanges(doc, queue.splice(0, need))
      done += need
      seen += need
    }
    while (done <= edits.length && mine(done) && seq - acked < unacked) {
      const ops = []
      for (; ops.length < 100 && done <= edits.length && mine(done); done++) {
        doc = edit(done)
        ops.push({
          actor: arg.me, seq: ++seq, clock: seen > named ? { [arg.peer]: seen } : {},
          payload: Buffer.from(Automerge.getLastLocalChange(doc)).toString("base64"),
        })
        named = seen
        clock.set(arg.me, seq)
      }
      ws.send(JSON.stringify({ type: "ops", doc: arg.doc, ops }))
    }
    if (done > edits.length && acked === seq) {
      ws.close(1000)
      report(doc, { ops: seq })
    } else if (done <= edits.length && !mine(done)) setImmediate(() => queue.length >= Math.min(turn, edits.length + 1 - done) && work())
  }
}

// apply loads all changes in one call, which costs least.
function apply(changes) {
  const [doc] = Automerge.applyChanges(Automerge.init(), changes)
  return doc
}

function resume() {
  const total = Number(arg.ops)
  const clock = new Clock()
  const changes = []
  let repeated = 0
  const take = (op) => {
    if (clock.take(op)) changes.push(bytes(op))
    else repeated++
  }
  const ws = connect(undefined, {
    ops: (f) => {
      for (const op of f.ops) take(op)
      if (changes.length >= total / 2) ws.terminate()
    },
    close: () => {
      const at = changes.length
      const again = connect({ clock: Object.fromEntries(clock) }, {
        ops: (f) => {
          for (const op of f.ops) take(op)
          if (changes.length < total) return
          again.close(1000)
          report(apply(changes), { ops: changes.length, left_at: at, repeated })
        },
      })
    },
  })
}

function late() {
  const clock = new Clock()
  const changes = []
  const ws = connect(undefined, {
    ops: (f) => {
      for (const op of f.ops) if (clock.take(op)) changes.push(bytes(op))
    },
    live: () => {
      const here = (performance.now() - started) / 1000
      ws.close(1000)
      report(apply(changes), { ops: changes.length, all_here_s: here })
    },
  })
}

;({ author, resume, late })[arg.role]()
