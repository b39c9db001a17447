import type { Socket } from "node:net"

/** Which way bytes go. */
export type Direction = "toServer" | "toClient"

/** How a network is at the moment; all its lanes share one. */
export interface Network {
  held: boolean
  /** Milliseconds from a chunk's arrival to its delivery. */
  delay: number
  /** Bytes per second of each lane. */
  rate: number
  /** Where to cut, in bytes from now. */
  cuts: Partial<Record<Direction, { left: number; done(): void }>>
  /** Bytes that were delivered. */
  delivered: Record<Direction, number>
}

/** What came out of a socket: bytes, its end, or its failure. */
interface Parcel {
  what: Uint8Array | "end" | "reset"
  /** When to deliver it, on the clock of performance.now. */
  due: number
}

/** So many bytes a lane takes before it lets its sender wait. */
const mostQueued = 1 << 20

/** How much of its rate a throttled lane delivers at once, in seconds. */
const throttleStep = 0.02

/** One direction of a connection: what comes out of one socket goes into the other. */
export class Lane {
  readonly #network: Network
  readonly #direction: Direction
  readonly #from: Socket
  readonly #to: Socket
  #queue: Parcel[] = []
  #queued = 0
  /** That the receiver takes no more at the moment. */
  #blocked = false
  /** When the throttle lets the next bytes go. */
  #free = 0
  #timer: NodeJS.Timeout | undefined

  constructor(network: Network, direction: Direction, from: Socket, to: Socket) {
    this.#network = network
    this.#direction = direction
    this.#from = from
    this.#to = to
    from.on("data", (bytes: Uint8Array) => this.#take(bytes))
    from.on("end", () => this.#take("end"))
    from.on("error", () => this.#take("reset"))
    to.on("drain", () => {
      this.#blocked = false
      this.pump()
    })
    to.on("close", () => this.#discard())
  }

  /** Delivers what is due, and comes back for what is due later. */
  pump(): void {
    clearTimeout(this.#timer)
    if (this.#to.destroyed) this.#discard()
    for (;;) {
      const parcel = this.#queue[0]
      if (!parcel || this.#network.held || this.#blocked) return
      const wait = Math.max(parcel.due, this.#free) - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait)
        return
      }
      if (typeof parcel.what !== "string") {
        parcel.what = this.#deliver(parcel.what)
        if (parcel.what.length > 0) continue
      } else if (parcel.what === "end") {
        this.#to.end()
      } else {
        this.#to.resetAndDestroy()
      }
      this.#queue.shift()
    }
  }

  #take(what: Parcel["what"]): void {
    if (this.#to.destroyed) return
    this.#queue.push({ what, due: performance.now() + this.#network.delay })
    if (typeof what !== "string") this.#count(what.length)
    this.pump()
  }

  /** Delivers as many of bytes as may go at once, and returns the rest. */
  #deliver(bytes: Uint8Array): Uint8Array {
    const { rate, delivered, cuts } = this.#network
    const cut = cuts[this.#direction]
    const size = Math.min(bytes.length, Math.ceil(rate * throttleStep), cut?.left ?? bytes.length)
    this.#free = performance.now() + (size / rate) * 1000
    delivered[this.#direction] += size
    this.#count(-size)
    const piece = bytes.subarray(0, size)
    if (cut) cut.left -= size
    if (cut?.left === 0) this.#cut(piece)
    else this.#blocked = !this.#to.write(piece)
    return bytes.subarray(size)
  }

  /** Ends the connection behind last. A reset of the receiver could overtake bytes that still lie in its way. */
  #cut(last: Uint8Array): void {
    const { cuts } = this.#network
    cuts[this.#direction]?.done()
    delete cuts[this.#direction]
    this.#from.resetAndDestroy()
    this.#to.end(last)
    this.#discard()
  }

  #discard(): void {
    clearTimeout(this.#timer)
    this.#queue = []
    this.#count(-this.#queued)
  }

  /** Lets the sender wait while the queue is full. */
  #count(bytes: number): void {
    this.#queued += bytes
    if (this.#queued >= mostQueued) this.#from.pause()
    else if (this.#from.isPaused()) this.#from.resume()
  }
}
