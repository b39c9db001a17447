// What one sees where the relay lets nobody in: why, what to ask for, and a place to put it.

import type { Status } from "@baton-relay/client"
import { type FormEvent, useState } from "react"
import { documentOf, linkIn, type Place, pathOf, placeOf, setToken, token, tokenIn } from "./link.ts"
import "./refused.css"

interface Refusal {
  title: string
  text: string
}

/** Says what to ask for, by the code of the client's reason. */
export function refusalOf(place: Place, { reason }: Status, withToken: boolean): Refusal {
  switch (reason?.code) {
    case "unauthorized":
      return withToken
        ? {
            title: "Your access is not valid here",
            text: "The token you came by is wrong, or it has expired. Ask whoever gave it to you for a new link.",
          }
        : {
            title: `This ${place.kind} asks who you are`,
            text: "This relay asks for a link with access. Ask whoever runs it, or who sent you here, for a link that has #t= at its end.",
          }
    case "forbidden":
      return {
        title: `You have no access to this ${place.kind}`,
        text: `The token you came by is good, but not for this ${place.kind}. Ask whoever gave it to you for one with rights to ${documentOf(place)}.`,
      }
    case "snapshot":
      return {
        title: `This ${place.kind} cannot be opened`,
        text: `What the relay has stored of it does not load in this browser: ${reason.message}. Tell whoever runs the relay. Whoever still has the ${place.kind} open has all of it.`,
      }
  }
  return {
    title: "The relay refused it",
    text: `It says: ${reason?.message ?? "no more than that"}. Load the page again; if that does not help, tell whoever runs the relay.`,
  }
}

interface RefusedProps {
  place: Place
  /** The client's, with the state `refused`. */
  status: Status
}

/** Takes the place of a document that one may not see. */
export function Refused({ place, status }: RefusedProps) {
  const refusal = refusalOf(place, status, token() !== undefined)
  return (
    <main className="refused">
      <h1>{refusal.title}</h1>
      <p>{refusal.text}</p>
      {status.reason?.code === "snapshot" ? (
        <button type="button" onClick={() => location.reload()}>
          Try again
        </button>
      ) : (
        <Access place={place} />
      )}
      <a href="/">Start page</a>
    </main>
  )
}

/** Takes a link or a token, and goes in with it. */
function Access({ place }: { place: Place }) {
  const [text, setText] = useState("")
  const [wrong, setWrong] = useState<string>()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const link = linkIn(text)
    const bare = link ? undefined : /^\s*(\S+)\s*$/.exec(text)?.[1]
    const given = tokenIn(text) ?? bare
    if (!given) {
      setWrong(link ? "That link has no #t= at its end." : "That is no link and no token.")
      return
    }
    setToken(given)
    const to = link && placeOf(link)
    if (to && pathOf(to) !== pathOf(place)) location.assign(pathOf(to))
    else location.reload()
  }
  return (
    <form onSubmit={submit}>
      <label>
        Paste the link or the token
        <input
          value={text}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={wrong !== undefined}
          onChange={(event) => {
            setText(event.target.value)
            setWrong(undefined)
          }}
        />
      </label>
      <button type="submit">Go in</button>
      <p role="alert">{wrong}</p>
    </form>
  )
}
