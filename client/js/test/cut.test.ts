import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { until } from "./harness/deadline.ts"
import { Peer } from "./harness/peer.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"
import { type Random, seeded } from "./harness/seed.ts"

let relay: Relay
const open: { peer: Peer; proxy: TcpProxy }[] = []

before(async () => {
  relay = await startRelay()
})
after(async () => {
  for (const { peer, proxy } of open) {
    peer.connection.close()
    await proxy.close()
  }
  await relay.close()
})

async function participant(doc: string, options = {}): Promise<{ peer: Peer; proxy: TcpProxy }> {
  const proxy = await startProxy(relay.port)
  const one = { peer: new Peer(proxy.url, doc, options), proxy }
  open.push(one)
  return one
}

/** Waits until all have the same, all that was made, and nothing went wrong meanwhile. */
async function converged(all: { peer: Peer }[], made: number): Promise<void> {
  await Promise.all(all.map(({ peer }) => peer.doc.saved.all()))
  await until(`all have ${made} ops`, () => all.every(({ peer }) => peer.ops.size >= made), {
    timeout: 30_000,
  })
  for (const { peer } of all) {
    assert.deepEqual(peer.faults, [])
    assert.deepEqual(peer.problems, [])
    assert.equal(peer.ops.size, made)
    assert.equal(peer.content, all[0]?.peer.content)
  }
}

/** Does something to a network, and undoes it after a while. */
async function trouble(random: Random, { proxy, peer }: { proxy: TcpProxy; peer: Peer }): Promise<void> {
  const kinds = {
    cut: () => proxy.cut(),
    cutBehindBytes: () => {
      void proxy.cutAfter(random.below(3000), random.pick(["toClient", "toServer"])) // that many may never come
    },
    refuse: async () => {
      proxy.refuse(true)
      proxy.cut()
      await sleep(random.below(200))
      proxy.refuse(false)
    },
    hold: async () => {
      proxy.hold()
      await sleep(random.below(400))
      proxy.release()
    },
    slow: () => proxy.throttle(20_000 + random.below(200_000)),
    late: () => proxy.delay(random.below(40)),
    pause: async () => {
      peer.connection.pause()
      await sleep(random.below(100))
      peer.connection.resume()
    },
  }
  await random.pick(Object.values(kinds))()
}

test("three people write while their networks fail: nothing is lost, nothing doubled", async (t) => {
  const random = seeded(t)
  const all = [await participant("walk"), await participant("walk"), await participant("walk")]
  let made = 0
  for (let round = 0; round < 40; round++) {
    for (let n = random.below(30); n > 0; n--) {
      random.pick(all).peer.append({ n: made++, text: "x".repeat(random.below(400)) })
    }
    const doing = random.below(3) === 0 ? trouble(random, random.pick(all)) : undefined
    await sleep(random.below(20))
    if (random.below(2) === 0) await doing
  }
  for (const { proxy } of all) {
    proxy.release()
    proxy.refuse(false)
    proxy.throttle(Number.POSITIVE_INFINITY)
    proxy.delay(0)
  }
  await converged(all, made)
})

test("the relay is killed in mid-edit, three times: nothing is lost, nothing doubled", async () => {
  const all = [await participant("kill"), await participant("kill")]
  let made = 0
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 200; n++) {
      for (const { peer } of all) peer.append(made++)
      if (n % 20 === 0) await sleep(1)
      if (n === 100) await relay.kill()
    }
    await relay.start()
    await until("both are live again", () => all.every(({ peer }) => peer.doc.status.state === "live"))
  }
  await converged(all, made)
  const late = await participant("kill")
  await converged([...all, late], made)
})

test("a relay that stops says when to come back, and is come back to", async () => {
  const one = await participant("drain")
  one.peer.append(1)
  await one.peer.doc.saved.all()
  await relay.restart()
  one.peer.append(2)
  await one.peer.doc.saved.all()
  assert.deepEqual(one.peer.problems, [])
})

test("a catch-up that is cut further on each time comes through in the end", async () => {
  const writer = await participant("bytes")
  for (let n = 0; n < 20; n++) writer.peer.append({ n })
  await writer.peer.doc.saved.all()
  const reader = await participant("bytes", { minBackoff: 5, maxBackoff: 20 })
  for (let bytes = 0; reader.peer.ops.size < 20; bytes += 97) {
    let cut = false
    void reader.proxy.cutAfter(bytes).then(() => {
      cut = true
    })
    await until("it is cut, or has all", () => cut || reader.peer.ops.size === 20)
  }
  await reader.proxy.close()
  open.splice(open.indexOf(reader), 1)
  reader.peer.connection.close()
  assert.deepEqual(reader.peer.faults, [])
  assert.equal(reader.peer.content, writer.peer.content)
})

test("a dead network is noticed in seconds, and what was written meanwhile arrives when it is back", async () => {
  const one = await participant("dead", { heartbeat: 500 })
  const two = await participant("dead")
  await until("they are live", () => [one, two].every(({ peer }) => peer.doc.status.state === "live"))
  one.proxy.hold()
  const began = Date.now()
  await until("it is noticed", () => one.peer.doc.status.state === "offline", { timeout: 5000 })
  assert.ok(Date.now() - began < 3000, `it took ${Date.now() - began} ms`)
  one.peer.append("while it was dead")
  one.proxy.cut()
  one.proxy.release()
  await converged([one, two], 1)
})
