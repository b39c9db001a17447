import WebSocket from "ws"
import {
  type Connection,
  type ConnectOptions,
  connect,
  type Doc,
  type JoinOptions,
  type Op,
} from "../../src/index.ts"

/** A participant as an application would be one: it keeps each op that it made or was given. */
export class Peer {
  readonly connection: Connection
  readonly doc: Doc
  /** All payloads, by the op's name, in the order they came here. */
  readonly ops = new Map<string, unknown>()
  /** What went wrong: an op that came twice, or before one that it follows from. */
  readonly faults: string[] = []
  readonly statuses: string[] = []
  readonly problems: string[] = []
  #clock = new Map<string, number>()

  constructor(url: string, name: string, options: ConnectOptions = {}, join: JoinOptions = {}) {
    this.connection = connect(url, { WebSocket, shared: false, minBackoff: 20, maxBackoff: 500, ...options })
    this.doc = this.connection.join(name, join)
    this.doc.ops.on((batch) => {
      for (const op of batch) this.#take(op)
    })
    this.doc.on("status", ({ state }) => this.statuses.push(state))
    this.doc.on("problem", (error) => this.problems.push(`${error.code}: ${error.message}`))
  }

  append(payload: unknown): void {
    const { actor, seq } = this.doc.append(payload)
    this.ops.set(`${actor}:${seq}`, payload)
    this.#clock.set(actor, seq)
  }

  /** The content, whatever the order in which concurrent ops came. */
  get content(): string {
    return [...this.ops]
      .map(([name, payload]) => `${name} ${JSON.stringify(payload)}`)
      .sort()
      .join("\n")
  }

  #take(op: Op): void {
    const name = `${op.actor}:${op.seq}`
    if (this.ops.has(name)) this.faults.push(`${name} came twice`)
    if (op.seq !== (this.#clock.get(op.actor) ?? 0) + 1)
      this.faults.push(`${name} came behind ${this.#clock.get(op.actor)}`)
    for (const [actor, seq] of Object.entries(op.clock)) {
      if ((this.#clock.get(actor) ?? 0) < seq) this.faults.push(`${name} came before ${actor}:${seq}`)
    }
    this.#clock.set(op.actor, op.seq)
    this.ops.set(name, op.payload)
  }
}
