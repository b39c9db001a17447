/** How a connection fails that is reset, by how far it was. */
const reasons = [
  "net::ERR_CONNECTION_RESET",
  "net::ERR_CONNECTION_CLOSED",
  "net::ERR_EMPTY_RESPONSE",
  "net::ERR_SOCKET_NOT_CONNECTED",
]

/**
 * What Chromium logs of a page whose connections to network, which is http://HOST:PORT, are reset: the WebSocket's, and
 * that of the request by which the client asks why it failed. If the network is back by then, the relay answers that
 * request: it would take a handshake.
 */
export function cutErrors(network: string): Set<string> {
  const socket = `WebSocket connection to '${network.replace("http", "ws")}/v1/ws' failed: `
  return new Set([
    "Failed to load resource: the server responded with a status of 426 (Upgrade Required)",
    `${socket}Connection closed before receiving a handshake response`,
    ...reasons.flatMap((reason) => [
      `${socket}Error in connection establishment: ${reason}`,
      `${socket}Error during WebSocket handshake: ${reason}`,
      `Failed to load resource: ${reason}`,
    ]),
  ])
}
