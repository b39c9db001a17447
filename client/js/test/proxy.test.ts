import assert from "node:assert/strict"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { test } from "node:test"
import { until } from "./harness/deadline.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { seeded } from "./harness/seed.ts"

/** One end of a connection: what it has read, and how it ended. */
class End {
  readonly socket: Socket
  text = ""
  ended = false
  closed = false
  error = ""

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding("latin1") // a character for each byte
    socket.on("data", (text) => {
      this.text += text
    })
    socket.on("end", () => {
      this.ended = true
    })
    socket.on("error", (err: NodeJS.ErrnoException) => {
      this.error = err.code ?? err.message
    })
    socket.on("close", () => {
      this.closed = true
    })
  }
}

interface Line {
  proxy: TcpProxy
  /** A client connected through the proxy, and the server's end. */
  open(): Promise<{ client: End; server: End }>
  /** A client, whether or not it gets through. */
  dial(): End
}

async function line(t: { after(clean: () => Promise<void>): void }): Promise<Line> {
  const listener = createServer({ allowHalfOpen: true })
  listener.listen(0, "127.0.0.1")
  await once(listener, "listening")
  const proxy = await startProxy((listener.address() as AddressInfo).port)
  const sockets: Socket[] = []
  t.after(async () => {
    await proxy.close()
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  function end(socket: Socket): End {
    sockets.push(socket)
    return new End(socket)
  }
  const dial = () => end(connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }))
  async function open() {
    const [client, [server]] = [dial(), await once(listener, "connection")]
    return { client, server: end(server as Socket) }
  }
  return { proxy, dial, open }
}

/** size characters that differ from those next to them. */
function pattern(size: number): string {
  return Array.from({ length: Math.ceil(size / 8) }, (_, i) => `${i}`.padStart(8, "-"))
    .join("")
    .slice(0, size)
}

/** Compares long texts without printing them. */
function assertSame(got: string, want: string): void {
  if (got === want) return
  let same = 0
  while (same < got.length && got[same] === want[same]) same++
  assert.fail(`got ${got.length} bytes, the same up to ${same}, want ${want.length}`)
}

test("the proxy forwards both ways, and the end of each way by itself", async (t) => {
  const { proxy, open } = await line(t)
  const { client, server } = await open()
  client.socket.end("question")
  await until("the server has read the end", () => server.ended)
  assert.equal(server.text, "question")
  assert.equal(client.ended, false)
  server.socket.end("the answer")
  await until("both are closed", () => client.closed && server.closed)
  assert.equal(client.text, "the answer")
  assert.deepEqual([client.error, server.error], ["", ""])
  await until("the proxy has closed as well", () => proxy.stats.open === 0)
  assert.deepEqual(proxy.stats, { toServer: 8, toClient: 10, opened: 1, open: 0 })
})

for (const direction of ["toClient", "toServer"] as const) {
  test(`the proxy cuts right behind any byte, ${direction}`, async (t) => {
    const { proxy, open } = await line(t)
    const random = seeded(t)
    const all = pattern(300_000)
    for (let i = 0; i < 20; i++) {
      const { client, server } = await open()
      const [sender, receiver] = direction === "toClient" ? [server, client] : [client, server]
      const bytes = random.below(random.pick([2, 200, all.length]))
      const cut = proxy.cutAfter(bytes, direction)
      for (let at = 0; at < all.length; ) {
        const size = 1 + random.below(50_000)
        sender.socket.write(all.slice(at, at + size), "latin1")
        at += size
      }
      await cut
      await until("the receiver has read the end", () => receiver.ended)
      receiver.socket.end()
      await until("the sender is closed", () => sender.closed)
      assertSame(receiver.text, all.slice(0, bytes))
    }
    const { client, server } = await open()
    client.socket.end("later connections live")
    await until("the server has read the end", () => server.ended)
    assert.equal(server.text, "later connections live")
  })
}

test("the proxy cuts all connections at once, and refuses new ones", async (t) => {
  const { proxy, open, dial } = await line(t)
  const ends = [await open(), await open()].flatMap(({ client, server }) => [client, server])
  proxy.refuse(true)
  proxy.cut()
  await until("all are closed", () => ends.every((end) => end.closed))
  assert.deepEqual(
    ends.map((end) => end.error),
    Array(4).fill("ECONNRESET"),
  )
  const refused = dial()
  await until("the new one is closed", () => refused.closed)
  assert.equal(refused.error, "ECONNRESET")
  proxy.refuse(false)
  await open()
  assert.equal(proxy.stats.opened, 3)
})

test("a held proxy delivers nothing, not even an end, until it is released", async (t) => {
  const { proxy, open } = await line(t)
  const early = await open()
  const broken = await open()
  proxy.hold()
  const late = await open()
  const much = pattern(1 << 20).repeat(32)
  late.client.socket.end(much)
  early.server.socket.end("held")
  broken.client.socket.resetAndDestroy()
  await until("the proxy has heard of the reset", () => broken.client.closed)
  // What is held shows only beside what is not: another proxy, many times over.
  const other = await line(t)
  for (let i = 0; i < 20; i++) {
    const { client, server } = await other.open()
    client.socket.end("not held")
    await until("the other server has read it", () => server.text === "not held")
  }
  const ends = [early.client, late.server, broken.server]
  assert.deepEqual(
    ends.map((end) => [end.text, end.ended, end.closed]),
    Array(3).fill(["", false, false]),
  )
  assert.ok(late.client.socket.writableLength > 0, "the proxy took all of 32 MiB")
  proxy.release()
  await until("all is delivered", () => early.client.ended && late.server.ended && broken.server.closed)
  assert.equal(early.client.text, "held")
  assertSame(late.server.text, much)
  assert.equal(broken.server.error, "ECONNRESET")
})

test("the proxy delivers late and in order", async (t) => {
  const { proxy, open } = await line(t)
  const { client, server } = await open()
  proxy.delay(150)
  const began = performance.now()
  for (const word of ["one ", "two ", "three"]) client.socket.write(word)
  await until("the first half is delivered", () => server.text !== "")
  const took = performance.now() - began
  assert.ok(took >= 149, `delivered after ${took} ms, want 150`)
  proxy.delay(0)
  client.socket.end(", four")
  await until("all is delivered", () => server.ended)
  assert.equal(server.text, "one two three, four")
})

test("a throttled proxy delivers no faster than it may", async (t) => {
  const { proxy, open } = await line(t)
  const { client, server } = await open()
  proxy.throttle(200_000)
  const all = pattern(100_000)
  const began = performance.now()
  client.socket.end(all)
  await until("all is delivered", () => server.ended)
  const took = performance.now() - began
  assert.ok(took >= 480, `100000 bytes took ${took} ms, want 500`)
  assertSame(server.text, all)
})

test("a proxy before nothing resets its clients", async (t) => {
  const listener = createServer().listen(0, "127.0.0.1")
  await once(listener, "listening")
  const { port } = listener.address() as AddressInfo
  listener.close()
  const proxy = await startProxy(port)
  t.after(() => proxy.close())
  const client = new End(connect(proxy.port, "127.0.0.1"))
  await until("the client is closed", () => client.closed)
  assert.equal(client.error, "ECONNRESET")
})
