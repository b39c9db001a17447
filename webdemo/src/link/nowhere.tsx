// What one sees at an address that is no board's or text's, or that may be meant otherwise: what is wrong, and the way on.

import { isName, type Kind, nameLike, nameRule, pathOf, withoutEnd } from "./link.ts"
import { newName } from "./names.ts"
import "./nowhere.css"

/** Takes the place of a document at this page's address. */
export function Nowhere({ kind }: { kind: Kind }) {
  const given = nameIn(location.pathname)
  const open = (name: string, text: string, ...questions: string[]) => (
    <li>
      <a href={pathOf({ kind, name }, ...questions)}>{text}</a>
    </li>
  )
  const questions = new URLSearchParams(location.search).has("split") ? ["split"] : []
  if (isName(given)) {
    return (
      <main className="nowhere">
        <h1>Does the dot belong to the name?</h1>
        <p>The link ends with a dot. It may be that of the sentence in which the link stood.</p>
        <ul>
          {open(withoutEnd(given), `Open “${withoutEnd(given)}”`, ...questions)}
          {open(given, `Open “${given}”, with the dot`, ...questions)}
        </ul>
        <a href="/">Start page</a>
      </main>
    )
  }
  const like = nameLike(given)
  return (
    <main className="nowhere">
      <h1>No {kind} can have this name</h1>
      <p>
        “{given.slice(0, 200)}” is no name of a {kind}. A name has {nameRule}; the first is a letter or a
        digit.
      </p>
      <ul>
        {like && open(like, `Open the ${kind} “${like}”`, ...questions)}
        {open(newName(), `Begin a new ${kind}`)}
      </ul>
      <a href="/">Start page</a>
    </main>
  )
}

/** What stands in an address in the place of a name, as people read it. */
function nameIn(path: string): string {
  const given = path.replace(/^\/[^/]*\/|\/$/g, "")
  try {
    return decodeURIComponent(given)
  } catch {
    return given
  }
}
