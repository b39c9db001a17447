import { type FormEvent, useState } from "react"
import { isName, type Kind, linkIn, pathOf, placeOf } from "../link/link.ts"
import "./open.css"

/** The address that a link or a name leads to; undefined if the text is neither. People say names with spaces. */
function addressOf(text: string, kind: Kind): string | undefined {
  const link = linkIn(text)
  const name = text.trim().replace(/\s+/g, "-")
  return link ? link.href : isName(name) ? pathOf({ kind, name }) : undefined
}

/** Opens a document that one knows the link or the name of. */
export function Open() {
  const [text, setText] = useState("")
  const [chosen, choose] = useState<Kind>("board")
  const [wrong, setWrong] = useState(false)
  const link = linkIn(text)
  const kind = (link && placeOf(link)?.kind) ?? chosen
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const address = addressOf(text, kind)
    if (address) location.assign(address)
    else setWrong(true)
  }
  return (
    <form className="open" onSubmit={submit}>
      <label htmlFor="open-text">Open by link or name</label>
      <input
        id="open-text"
        value={text}
        required
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={wrong}
        aria-describedby="open-wrong"
        onChange={(event) => {
          setText(event.target.value)
          setWrong(false)
        }}
      />
      <fieldset disabled={link !== undefined}>
        <legend className="sr-only">What it is</legend>
        {(["board", "text"] as const).map((option) => (
          <label key={option}>
            <input
              type="radio"
              name="kind"
              checked={kind === option}
              onChange={() => choose(option)}
              className="sr-only"
            />
            {option === "board" ? "Board" : "Text"}
          </label>
        ))}
      </fieldset>
      <button type="submit">Open</button>
      <p id="open-wrong" role="alert">
        {wrong &&
          "That is no link to a board or a text, and no name either: those have letters, digits and - . _ ~, at most 100."}
      </p>
    </form>
  )
}
