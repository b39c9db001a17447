import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { type Direction, Lane, type Network } from "./lane.ts"

/** Starts a TCP proxy on a free port of 127.0.0.1, before targetPort of 127.0.0.1. The caller closes it. */
export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return new TcpProxy(server, targetPort)
}

/** A network that fails as it is told to. What it is told holds for all connections, later ones as well. */
export class TcpProxy {
  readonly port: number
  /** http://127.0.0.1:PORT */
  readonly url: string
  readonly #server: Server
  readonly #targetPort: number
  readonly #network: Network = {
    held: false,
    delay: 0,
    rate: Number.POSITIVE_INFINITY,
    cuts: {},
    delivered: { toServer: 0, toClient: 0 },
  }
  readonly #connections = new Set<{ sockets: Socket[]; lanes: Lane[] }>()
  #opened = 0
  #refusing = false

  constructor(server: Server, targetPort: number) {
    this.port = (server.address() as AddressInfo).port
    this.url = `http://127.0.0.1:${this.port}`
    this.#server = server
    this.#targetPort = targetPort
    server.on("connection", (client) => this.#take(client))
  }

  /** Bytes delivered each way, how many connections were opened, and how many are open. */
  get stats(): { toServer: number; toClient: number; opened: number; open: number } {
    return { ...this.#network.delivered, opened: this.#opened, open: this.#connections.size }
  }

  /** Resets all connections now; what is on its way is lost. */
  cut(): void {
    for (const { sockets } of this.#connections) {
      for (const socket of sockets) socket.resetAndDestroy()
    }
  }

  /**
   * Cuts a connection right behind the byte that makes it so many bytes from now,
   * over all connections, and then resolves. Its receiver reads up to that byte and
   * then the end; its sender is reset. With 0, what comes next is lost from its
   * first byte on. A call before the cut moves the cut.
   */
  cutAfter(bytes: number, direction: Direction = "toClient"): Promise<void> {
    const { cuts } = this.#network
    const before = cuts[direction]
    return new Promise((resolve) => {
      const done = () => {
        before?.done()
        resolve()
      }
      cuts[direction] = { left: bytes, done }
    })
  }

  /** Makes the network dead: connections stay open and take bytes, and nothing comes out of them. */
  hold(): void {
    this.#network.held = true
  }

  /** Ends a hold; what was taken meanwhile goes on. */
  release(): void {
    this.#network.held = false
    for (const { lanes } of this.#connections) {
      for (const lane of lanes) lane.pump()
    }
  }

  /** Whether new connections are reset at once. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing
  }

  /** Delivers each chunk that arrives from now on so many milliseconds later, in order. */
  delay(ms: number): void {
    this.#network.delay = ms
  }

  /** Limits each direction of each connection to a rate of more than 0; Infinity is no limit. */
  throttle(bytesPerSecond: number): void {
    this.#network.rate = bytesPerSecond
  }

  /** Resets all connections and listens no more. */
  async close(): Promise<void> {
    this.#refusing = true
    this.#server.close()
    this.cut()
    await once(this.#server, "close")
  }

  #take(client: Socket): void {
    if (this.#refusing) {
      client.on("error", () => {})
      client.resetAndDestroy()
      return
    }
    this.#opened++
    const server = connect({ port: this.#targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
    const sockets = [client, server]
    const lanes = [
      new Lane(this.#network, "toServer", client, server),
      new Lane(this.#network, "toClient", server, client),
    ]
    const connection = { sockets, lanes }
    this.#connections.add(connection)
    for (const socket of sockets) {
      socket.once("close", () => {
        if (sockets.every((s) => s.closed)) this.#connections.delete(connection)
      })
    }
  }
}
