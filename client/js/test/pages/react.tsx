import { useBaton } from "@baton-relay/client/react"
import { StrictMode, useEffect, useState } from "react"
import { createRoot } from "react-dom/client"
import { name, relay } from "./query.ts"

function Notes() {
  const baton = useBaton(relay, name)
  const [notes, setNotes] = useState<string[]>([])
  const doc = baton?.doc
  useEffect(() => {
    setNotes([])
    return doc?.ops.on((ops) => setNotes((all) => [...all, ...ops.map((op) => String(op.payload))]))
  }, [doc])
  if (!baton) return null
  return (
    <main>
      <b>{baton.status.state}</b> <i>{baton.pending}</i> <u>{baton.others.size}</u>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </main>
  )
}

const root = document.getElementById("root")
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Notes />
      <Notes />
    </StrictMode>,
  )
}
