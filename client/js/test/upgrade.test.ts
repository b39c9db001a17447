import assert from "node:assert/strict"
import { test } from "node:test"
import WebSocket from "ws"
import { connect } from "../src/index.ts"
import { until } from "./harness/deadline.ts"
import { startNginx, upgrades } from "./harness/nginx.ts"
import { startRelay } from "./harness/relay.ts"

test("behind a proxy that passes no upgrades the reason says so, and it is tried again", async (t) => {
  const relay = await startRelay()
  t.after(() => relay.close())
  const port = await startNginx(t, relay.port, "")
  const options = { WebSocket, shared: false, minBackoff: 20 }
  const connection = connect(`http://127.0.0.1:${port}`, options)
  t.after(() => connection.close())
  const doc = connection.join("notes")
  await until("the reason is known", () => doc.status.reason?.code === "upgrade")
  assert.match(
    doc.status.reason?.message ?? "",
    /answers, but not over WebSocket: the proxy must pass upgrades/,
  )
  assert.equal(connection.status.state, "offline")
  let again = 0
  connection.on("status", () => again++)
  await until("it is tried again", () => again > 1)
  assert.equal(relay.logs().match(/must pass upgrades/g)?.length, 1, "the operator is told once")

  const right = connect(`http://127.0.0.1:${await startNginx(t, relay.port, upgrades)}`, options)
  t.after(() => right.close())
  const there = right.join("notes")
  await until("it is there by one that does", () => there.status.state === "live")
})
