// Starts the text page.

import { isDoubtful, placeOf } from "../link/link.ts"
import { Nowhere } from "../link/nowhere.tsx"
import { mount } from "../look/mount.ts"
import { Content } from "./content.ts"
import { openEditor } from "./editor.tsx"
import { TextPage } from "./page.tsx"
import { openSession } from "./session.ts"

const place = placeOf(location)
if (place && !isDoubtful(location)) {
  const session = openSession(place)
  mount(<TextPage session={session} editor={openEditor(session)} content={new Content(session.text)} />)
} else {
  mount(<Nowhere kind="text" />)
}
