import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { TestContext } from "node:test"
import WebSocket, { type RawData, WebSocketServer } from "ws"
import {
  type ClientFrame,
  type Clock,
  type Connection,
  type ConnectOptions,
  connect,
  type Doc,
  type Dot,
  type Entry,
  type JoinedFrame,
  type JoinFrame,
  type JoinOptions,
  type Limits,
  type RejectFrame,
  type ServerFrame,
  type Snapshot,
} from "../../src/index.ts"
import { until } from "./deadline.ts"

/** The document of every script. */
export const name = "notes"

const limits: Limits = {
  frame_bytes: 1 << 20,
  op_bytes: 512 << 10,
  ops_per_frame: 512,
  clock_entries: 1024,
  unacked_ops: 4096,
  server_frame_bytes: 1 << 21,
  docs: 64,
  presence_bytes: 16 << 10,
  presence_hz: 20,
  ops_per_s: 0,
}

/** Starts a relay that does what the test tells it, on a free port of 127.0.0.1, until the test is over. */
export async function startScript(t: TestContext): Promise<ScriptedRelay> {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const relay = new ScriptedRelay(server)
  t.after(() => relay.close())
  return relay
}

/** A relay by hand: real sockets and real HTTP, and a test in place of the rest. */
export class ScriptedRelay {
  readonly url: string
  /** The HTTP status for whoever comes with this token; what is not 200 refuses handshakes too. */
  status: (token: string | undefined) => number = () => 200
  /** Said with each refusal, seconds. */
  retryAfter: number | undefined
  /** What GET answers, by path: bytes, or what becomes JSON. A promise lets the answer wait. */
  readonly stored = new Map<string, Uint8Array | object | Promise<Uint8Array>>()
  /** When a client came, welcome or not, Unix ms. */
  readonly attempts: number[] = []
  /** The requests that were no handshake, such as "GET /v1/ws". */
  readonly asked: string[] = []
  #server: Server
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "baton.v1" })
  #lines: Line[] = []
  #taken = 0

  constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on("request", (request, response) => void this.#answer(request, response))
    server.on("upgrade", (request, socket, head) => {
      this.attempts.push(Date.now())
      const status = this.status(tokenOf(request))
      if (status !== 200) socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\n\r\n`)
      else this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#take(ws, tokenOf(request)))
    })
  }

  /** The connection after the one that it returned last. */
  next(): Promise<Line> {
    const n = this.#taken++
    return until(`connection ${n + 1} comes`, () => this.#lines[n])
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.cut()
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, "close")
  }

  #take(ws: WebSocket, token: string | undefined): void {
    this.#lines.push(new Line(ws, token, this.#lines.length + 1))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`)
    const status = this.status(tokenOf(request))
    const path = request.url?.split("?")[0] ?? ""
    const body = await this.stored.get(path)
    if (status !== 200 && this.retryAfter) response.setHeader("Retry-After", this.retryAfter)
    if (status !== 200) response.writeHead(status).end('{"code":"refused","message":"not now"}')
    else if (path === "/v1/ws")
      response.writeHead(426).end('{"code":"invalid","message":"ask for an upgrade"}')
    else if (!body) response.writeHead(404).end('{"code":"not_found","message":"no such thing"}')
    else response.end(body instanceof Uint8Array ? body : JSON.stringify(body))
  }
}

function tokenOf({ headers, url = "/" }: IncomingMessage): string | undefined {
  const offered = headers["sec-websocket-protocol"]?.split(/, ?/).find((p) => p.startsWith("bearer."))
  const query = new URL(url, "http://localhost").searchParams.get("access_token")
  return offered?.slice("bearer.".length) ?? headers["baton-token"]?.toString() ?? query ?? undefined
}

type ClientType = ClientFrame["type"]
type Heard<T extends ClientType> = Extract<ClientFrame, { type: T }>

/** The relay's end of one connection. */
export class Line {
  readonly token: string | undefined
  /** The secret that welcome says. */
  readonly secret: string
  /** The texts of all ops that came, each as often as it came. */
  readonly opTexts: string[] = []
  /** The length of the longest frame that came, bytes. */
  longest = 0
  /** When the frame came that {@link expect} returned last, Unix ms. */
  heardAt = 0
  /** Whether pings are answered. */
  alive = true
  /** How many were. */
  pings = 0
  #ws: WebSocket
  #heard: { raw: string; at: number }[] = []

  constructor(ws: WebSocket, token: string | undefined, n: number) {
    this.#ws = ws
    this.token = token
    this.secret = `secret-${n}`
    ws.on("message", (data) => this.#take(data))
  }

  /** The next frame, which is to be of this type. */
  async expect<T extends ClientType>(type: T): Promise<Heard<T>> {
    const { raw, at } = await until(`the client sends ${type}`, () => this.#heard[0])
    this.#heard.shift()
    this.heardAt = at
    const frame = JSON.parse(raw) as Heard<T>
    assert.equal(frame.type, type, `the next frame is ${raw}`)
    return frame
  }

  /** Waits until the client has taken all that was sent to it. */
  async taken(): Promise<void> {
    const pong = once(this.#ws, "pong", { signal: AbortSignal.timeout(10_000) })
    this.#ws.ping()
    await pong
  }

  /** Makes sure that the client, which is in the document, has sent nothing unexpected and is not about to. */
  async expectNothing(doc: Doc): Promise<void> {
    await this.taken()
    // What is about to be sent goes out with the first of them or before.
    for (const fence of ["fence 1", "fence 2"]) {
      doc.publish(fence)
      assert.equal((await this.expect("event")).name, fence)
    }
  }

  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame))
  }

  sendText(text: string): void {
    this.#ws.send(text)
  }

  welcome(other: Partial<Limits> = {}): void {
    const session = "b4a3c1de-4b0e-4f5e-9d3c-0d6a3f1c2b11"
    const server = "script/1"
    this.send({
      type: "welcome",
      session,
      replace: this.secret,
      server,
      heartbeat_ms: 25_000,
      limits: { ...limits, ...other },
    })
  }

  /** Answers a join. Left out, the document is that of epoch e1, without an op, and this session may write. */
  joined({ id, doc }: JoinFrame, fields: Partial<JoinedFrame> = {}): void {
    const empty = { epoch: "e1", head: 0, first: 1, from: 0, access: ["read", "write", "presence"] } as const
    this.send({ type: "joined", ...(id !== undefined && { id }), doc, ...empty, ...fields } as JoinedFrame)
  }

  live(offset = 0): void {
    this.send({ type: "live", doc: name, offset })
  }

  ops(...ops: Entry[]): void {
    this.send({ type: "ops", doc: name, ops })
  }

  /** Its offset is its seq, if no other is given. */
  ack({ actor, seq }: Dot, offset = seq): void {
    this.send({ type: "ack", doc: name, actor, seq, offset })
  }

  reject({ actor, seq }: Dot, code: RejectFrame["code"], more: Partial<RejectFrame> = {}): void {
    this.send({ type: "reject", doc: name, actor, seq, code, message: `it is ${code}`, ...more })
  }

  close(code: number, reason = ""): void {
    this.#ws.close(code, reason)
  }

  /** Ends it as a network that is gone. */
  cut(): void {
    this.#ws.terminate()
  }

  #pong(): void {
    if (!this.alive) return
    this.pings++
    this.send({ type: "pong" })
  }

  #take(data: RawData): void {
    const raw = String(data)
    const { type } = JSON.parse(raw)
    this.longest = Math.max(this.longest, Buffer.byteLength(raw))
    if (type === "ping") return this.#pong()
    this.#heard.push({ raw, at: Date.now() })
    const [, list] = /"ops":\[(.*)\]}$/.exec(raw) ?? []
    if (type === "ops" && list) this.opTexts.push(...list.split(/,(?={"actor":)/))
  }
}

/** An op in the log. */
export function entry(offset: number, actor: string, seq: number, clock: Clock = {}, payload = ""): Entry {
  return { offset, actor, seq, clock, at: 1767225600000 + offset, payload }
}

export interface Scene {
  relay: ScriptedRelay
  connection: Connection
  doc: Doc
  /** The relay's end of the first connection. */
  line: Line
  /** The ops that the application was given, as "actor:seq". */
  ops: string[]
  /** The codes of what went wrong and was dealt with. */
  problems: string[]
}

export interface SceneOptions {
  connect?: ConnectOptions
  join?: JoinOptions
  limits?: Partial<Limits>
  /** See {@link ScriptedRelay.status}. */
  status?: ScriptedRelay["status"]
  /** Whether the application takes ops (true). */
  listen?: boolean
  /** What the relay says to the first join. */
  joined?: Partial<JoinedFrame>
}

/** A client connects and joins; the relay has not said welcome. */
export async function begin(t: TestContext, options: SceneOptions = {}): Promise<Scene> {
  const relay = await startScript(t)
  relay.status = options.status ?? relay.status
  const few = { WebSocket, shared: false, minBackoff: 10, maxBackoff: 200 }
  const connection = connect(relay.url, { ...few, ...options.connect })
  t.after(() => connection.close())
  const doc = connection.join(name, options.join)
  const ops: string[] = []
  const problems: string[] = []
  const listen = options.listen ?? true
  if (listen) doc.ops.on((batch) => ops.push(...batch.map((op) => `${op.actor}:${op.seq}`)))
  doc.on("problem", (error) => problems.push(error.code))
  return { relay, connection, doc, ops, problems, line: await relay.next() }
}

/** As {@link begin}, and the client is in the document and has all of it. */
export async function enter(t: TestContext, options: SceneOptions = {}): Promise<Scene> {
  const scene = await begin(t, options)
  await enterAgain(scene.line, options.joined, options.limits)
  const { doc } = scene
  await until("the document is live", () => /live|read-only/.test(doc.status.state))
  return scene
}

/** On a new connection: welcome, join, joined, live. It returns the join. */
export async function enterAgain(
  line: Line,
  joined: Partial<JoinedFrame> = {},
  other: Partial<Limits> = {},
): Promise<JoinFrame> {
  line.welcome(other)
  const join = await line.expect("join")
  line.joined(join, joined)
  line.live(joined.head)
  return join
}

/** Waits until the document stands so, and returns the code of the reason. */
export async function becomes(doc: Doc, state: Doc["status"]["state"]): Promise<string | undefined> {
  await until(`the document is ${state}`, () => doc.status.state === state)
  return doc.status.reason?.code
}

/** What the promise gives, within the deadline. */
export async function soon<T>(what: string, promise: Promise<T>): Promise<T> {
  const settled = promise.then(
    () => true,
    () => true,
  )
  await until(what, () => settled)
  return promise
}

/** Makes three ops. */
export function three(doc: Doc): [Dot, Dot, Dot] {
  return [doc.append("a"), doc.append("b"), doc.append("c")]
}

/** Stores a blob that stands in for bob's ops up to the offset, and says what a relay says of it. */
export function store(relay: ScriptedRelay, offset: number, text = `state ${offset}`): Snapshot {
  const blob = Buffer.from(text)
  const sha256 = createHash("sha256").update(blob).digest("hex")
  const url = `/v1/docs/${name}/snapshots/${offset}`
  const at = { offset, url, bytes: blob.length, sha256, format: "json" }
  relay.stored.set(url, blob)
  relay.stored.set(`${url}/meta`, { ...at, clock: { bob: offset } })
  return at
}
