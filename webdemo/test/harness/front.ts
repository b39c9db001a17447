import { once } from "node:events"
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { extname } from "node:path"

/**
 * What a front answers in place of the relay, by the path that is asked for: a body, an HTTP status of its own, or
 * undefined for what the relay answers.
 */
export type Own = (path: string) => Promise<string | Uint8Array | number | undefined>

/** A server in front of a relay. */
export interface Front {
  port: number
  /** http://127.0.0.1:PORT */
  url: string
  close(): Promise<void>
}

const types: Record<string, string> = { ".js": "text/javascript", ".css": "text/css" }

/** Starts one before the relay at a port of 127.0.0.1. Headers of bodies are the relay's. The caller closes it. */
export async function startFront(relay: number, own: Own): Promise<Front> {
  const server = createServer((request, response) => void answer(relay, own, request, response))
  server.on("upgrade", (request, client, head) => {
    const { method, url, rawHeaders } = request
    const lines = rawHeaders.map((text, i) => (i % 2 ? `${text}\r\n` : `${text}: `))
    const onward = connect(relay, "127.0.0.1")
    onward.write(`${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n`)
    onward.write(head)
    onward.pipe(client).pipe(onward)
    onward.on("error", () => client.destroy())
    client.on("error", () => onward.destroy())
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, "close")
    },
  }
}

async function answer(
  relay: number,
  own: Own,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request
  const body = await own(path)
  if (typeof body === "number") {
    response.writeHead(body).end()
    return
  }
  const onward = ask({ host: "127.0.0.1", port: relay, method, path, headers }, (said) => {
    if (body === undefined) {
      response.writeHead(said.statusCode ?? 502, said.headers)
      said.pipe(response)
      return
    }
    said.resume()
    const { "content-encoding": _, "content-length": __, etag, ...kept } = said.headers
    const type = types[extname(path)]
    response.writeHead(200, { ...kept, ...(type && { "content-type": type }) }).end(body)
  })
  onward.on("error", () => response.destroy())
  request.pipe(onward)
}
