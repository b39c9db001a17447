import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { promisify } from "node:util"
import type { Browser } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { until } from "./harness/deadline.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { startProxy, type TcpProxy } from "./harness/proxy.ts"
import { type Relay, startRelay, type Token } from "./harness/relay.ts"
import { randomFrom } from "./harness/seed.ts"

const alice: Token = { token: "a", subject: "alice", docs: { "*": ["read", "write"] } }
const bob: Token = { token: "b", subject: "bob", docs: { notes: ["read"] } }

async function append(relay: Relay, token = "a"): Promise<void> {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` }
  const body = JSON.stringify([{ actor: "alice", seq: 1, clock: {}, payload: "hello" }])
  const answer = await fetch(`${relay.url}/v1/docs/notes/ops`, { method: "POST", headers, body })
  assert.equal(answer.status, 200, await answer.text())
}

async function payloads(relay: Relay, token = "a"): Promise<unknown[]> {
  const headers = { Authorization: `Bearer ${token}` }
  const answer = await fetch(`${relay.url}/v1/docs/notes/ops`, { headers })
  const body = await answer.text()
  assert.equal(answer.status, 200, body)
  return JSON.parse(body).ops.map((op: { payload: unknown }) => op.payload)
}

describe("a relay", () => {
  test("serves, and has its data after a restart and after a kill", async (t) => {
    const relay = await startRelay()
    t.after(() => relay.close())
    const { url } = relay
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
    await append(relay)
    await relay.restart()
    assert.deepEqual([relay.url, await payloads(relay)], [url, ["hello"]])
    await relay.kill()
    await assert.rejects(fetch(`${url}/healthz`))
    await relay.start()
    assert.deepEqual([relay.url, await payloads(relay)], [url, ["hello"]])
    assert.match(relay.logs(), /draining/)
  })

  test("takes new tokens while it runs", async (t) => {
    const relay = await startRelay({ tokens: [alice] })
    t.after(() => relay.close())
    await append(relay)
    await assert.rejects(payloads(relay, "b"), /unauthorized/)
    await relay.setTokens([alice, bob])
    assert.deepEqual(await until("the relay knows bob", () => payloads(relay, "b")), ["hello"])
  })

  test("that does not come up says why", async () => {
    await assert.rejects(startRelay({ args: ["--max-frame", "1"] }), /--max-frame must be from 4096/)
  })

  test("with a damaged log does not close in peace", async () => {
    const relay = await startRelay()
    await append(relay)
    await relay.stop()
    const log = join(relay.dir, "oplog.db")
    const text = await readFile(log, "latin1")
    await writeFile(log, text.replace('"hello"', '"jello"'), "latin1")
    await assert.rejects(relay.close(), /oplog\.db is damaged/)
  })

  test("ends with the process that started it", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "baton-js-"))
    t.after(() => rm(folder, { recursive: true }))
    const script = `import { startRelay } from "${new URL("harness/relay.js", import.meta.url)}"
      console.log((await startRelay()).url)
      process.kill(process.pid, "SIGTERM")`
    const env = { ...process.env, TMPDIR: folder }
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env })
    const { code, stdout } = await run.catch((err) => err)
    assert.equal(code, 143)
    await until("the relay is gone", () =>
      fetch(stdout.trim()).then(
        () => false,
        () => true,
      ),
    )
  })
})

describe("a page in Chromium", () => {
  let fixtures: Fixtures
  let relay: Relay
  let proxy: TcpProxy
  let browser: Browser

  before(async () => {
    fixtures = await serveFixtures(["welcome", "automerge"])
    relay = await startRelay({ args: fixtures.relayArgs })
    proxy = await startProxy(relay.port)
    browser = await launch()
  })

  after(async () => {
    await browser?.close()
    await proxy?.close()
    await relay?.close()
    await fixtures?.close()
  })

  for (const secure of [true, false]) {
    test(`in ${secure ? "a secure" : "an insecure"} context is welcomed by the relay, through the proxy`, async (t) => {
      const context = await browser.newContext()
      t.after(() => context.close())
      const url = secure ? fixtures.url : fixtures.insecureUrl
      const { page, errors } = await newPage(context, `${url}/welcome.html?relay=${proxy.url}`)
      assert.equal(await page.evaluate("isSecureContext"), secure)
      const { type } = (await page.evaluate("welcome")) as { type: string }
      assert.equal(type, "welcome")
      assert.ok(proxy.stats.toClient > 0, "nothing came through the proxy")
      assert.deepEqual(errors, [])
    })
  }

  test("makes an Automerge document", async (t) => {
    const context = await browser.newContext()
    t.after(() => context.close())
    const { page, errors } = await newPage(context, `${fixtures.url}/automerge.html`)
    assert.deepEqual(errors, [])
    assert.deepEqual(await page.evaluate("copy"), { text: "hello" })
  })

  test("has its errors collected", async (t) => {
    const context = await browser.newContext()
    t.after(() => context.close())
    proxy.refuse(true)
    const { page, errors } = await newPage(context, `${fixtures.url}/welcome.html?relay=${proxy.url}`)
    await page.evaluate("console.error('logged')")
    await until("three errors", () => errors.length === 3)
    const all = errors.join("\n")
    for (const want of [/WebSocket connection .* failed/, /Error: closed with 1006/, /logged/]) {
      assert.match(all, want)
    }
  })
})

describe("until", () => {
  test("says what it waited for in vain, and why", async () => {
    const never = () => new Promise<boolean>(() => {})
    await assert.rejects(until("pigs fly", never, { timeout: 20 }), /waited 20 ms in vain until pigs fly/)
    const failing = () => assert.equal(1, 2, "one is not two")
    await assert.rejects(until("it adds up", failing, { timeout: 20 }), /it adds up; last: one is not two/)
  })
})

test("a seed repeats its random numbers", () => {
  const [a, b, c] = [randomFrom(7), randomFrom(7), randomFrom(8)].map((r) =>
    [1, 2, 3].map(() => r.below(1000)),
  )
  assert.deepEqual(a, b)
  assert.notDeepEqual(a, c)
})
