/** The first frame of the relay whose address the page's query names. */
const welcome = new Promise((resolve, reject) => {
  const relay = new URL(location.href).searchParams.get("relay") ?? ""
  const socket = new WebSocket(`${relay.replace("http", "ws")}/v1/ws`, "baton.v1")
  socket.onmessage = ({ data }) => resolve(JSON.parse(data))
  socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`))
})

Object.assign(window, { welcome })
