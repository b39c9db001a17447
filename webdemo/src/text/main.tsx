// Starts the text page.

import { placeOf } from "../link/link.ts"
import { mount } from "../look/mount.ts"
import { Content } from "./content.ts"
import { openEditor } from "./editor.tsx"
import { TextPage } from "./page.tsx"
import { openSession } from "./session.ts"

const place = placeOf(location)
if (place) {
  const session = openSession(place)
  mount(<TextPage session={session} editor={openEditor(session)} content={new Content(session.text)} />)
} else {
  mount(
    <main className="nowhere">
      <h1>No such text</h1>
      <p>A text's name has letters, digits, dots, dashes, underscores and tildes, and at most 100 of them.</p>
      <a href="/">Start page</a>
    </main>,
  )
}
