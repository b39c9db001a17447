// A page of a document with nothing on it but what all such pages have: the button to share it, and what one sees where
// the relay refuses.

import { useSyncExternalStore } from "react"
import { createRoot } from "react-dom/client"
import { connect, type Doc } from "../../../client/js/src/index.ts"
import { followAddress } from "../../src/link/follow.ts"
import { documentOf, type Place, placeOf, token } from "../../src/link/link.ts"
import { Refused } from "../../src/link/refused.tsx"
import "../../src/look/look.css"
import "../../src/look/theme.ts"
import { ShareButton } from "../../src/share/dialog.tsx"

function Parts({ place, doc }: { place: Place; doc: Doc }) {
  const status = useSyncExternalStore(
    (changed) => doc.on("status", changed),
    () => doc.status,
  )
  if (status.state === "refused") return <Refused place={place} status={status} />
  return (
    <main>
      <h1>{place.name}</h1>
      <p data-testid="state">{status.state}</p>
      <ShareButton place={place} />
    </main>
  )
}

followAddress()
const place = placeOf(location) as Place
const ours = token()
const doc = connect("/", ours === undefined ? {} : { token: ours }).join(documentOf(place))
createRoot(document.getElementById("root") as HTMLElement).render(<Parts place={place} doc={doc} />)
