import { type FormEvent, useState } from "react"
import { isName, type Kind, linkIn, nameLike, nameRule, pathOf, placeOf } from "../link/link.ts"
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
  const [wrong, setWrong] = useState<string>()
  const link = linkIn(text)
  const kind = (link && placeOf(link)?.kind) ?? chosen
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const address = addressOf(text, kind)
    if (address) return location.assign(address)
    const like = /[/:]/.test(text) ? undefined : nameLike(text)
    if (like === undefined)
      setWrong(`That is no link to a board or a text, and no name: names have ${nameRule}.`)
    else {
      setText(like)
      setWrong(`Names have ${nameRule}. “${like}” is one: open it, or change it.`)
    }
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
        aria-invalid={wrong !== undefined}
        aria-describedby="open-wrong"
        onChange={(event) => {
          setText(event.target.value)
          setWrong(undefined)
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
        {wrong}
      </p>
    </form>
  )
}
