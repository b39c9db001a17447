import { connect } from "@baton-relay/client"
import { heartbeat, name, relay, token } from "./query.ts"

const [state, reason, unsaved] = [add("b", "state"), add("i", "reason"), add("span", "unsaved")]
const form = add("form", "say")
const input = form.appendChild(document.createElement("input"))

const doc = connect(relay, { token, heartbeat }).join(name)
doc.on("status", show)
doc.saved.on("change", show)
doc.ops.on((ops) => {
  for (const op of ops) add("p", "said").textContent = String(op.payload)
})
show()

function show(): void {
  state.textContent = doc.status.state
  reason.textContent = doc.status.reason?.message ?? ""
  unsaved.textContent = `${doc.saved.pending} unsaved`
}

form.onsubmit = (event) => {
  event.preventDefault()
  try {
    doc.append(input.value)
    add("p", "said").textContent = input.value
    input.value = ""
  } catch (error) {
    reason.textContent = String(error)
  }
}

function add<T extends keyof HTMLElementTagNameMap>(tag: T, name: string): HTMLElementTagNameMap[T] {
  const element = document.createElement(tag)
  element.className = name
  document.body.append(element, " ")
  return element
}
