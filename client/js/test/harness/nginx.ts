import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { type AddressInfo, connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { until } from "./deadline.ts"

/** What passes a WebSocket on. Without it, nginx asks the relay for a plain page at that address. */
export const upgrades = `
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection upgrade;`

/** Has nginx ask for a password: that of {@link credentials}. */
export const password = "auth_basic relay; auth_basic_user_file passwords;"
export const credentials = { username: "ann", password: "of the proxy" }

/**
 * Starts nginx on 127.0.0.1 before a relay at a port there, with these lines for each location, until the test is over.
 * It returns the port.
 */
export async function startNginx(t: TestContext, relay: number, lines: string): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), "baton-nginx-"))
  const port = await freePort()
  await writeFile(join(dir, "passwords"), `${credentials.username}:{PLAIN}${credentials.password}\n`)
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((n) => `${n}_temp_path ${dir}/${n};`)
  await writeFile(
    join(dir, "nginx.conf"),
    `daemon off; pid ${dir}/pid; error_log stderr; ${process.getuid?.() === 0 ? "user root;" : ""}
    events {}
    http {
      access_log off; ${paths.join(" ")}
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://127.0.0.1:${relay}; proxy_set_header Host $http_host; ${lines} }
      }
    }`,
  )
  const nginx: ChildProcess = spawn("nginx", ["-e", "stderr", "-c", join(dir, "nginx.conf")], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ["ignore", "ignore", "pipe"],
  })
  let said = ""
  nginx.stderr?.setEncoding("utf8").on("data", (text) => {
    said += text
  })
  const ended = once(nginx, "close")
  t.after(async () => {
    nginx.kill()
    await ended
    await rm(dir, { recursive: true })
  })
  await until("nginx listens", () => {
    if (nginx.exitCode !== null) throw new Error(`nginx ended: ${said}`)
    return listens(port)
  })
  return port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1")
  try {
    await once(socket, "connect")
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
