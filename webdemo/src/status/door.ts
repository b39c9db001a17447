// What one sees where the relay does not tell: what is needed, and a place to put it.

import { setToken, token, tokenIn } from "../link/link.ts"
import { the } from "./the.ts"

const right = "the right admin in every document, that is in *"

export class Door {
  readonly #door = the("door")
  readonly #figures = the("figures")

  /** Calls back when there is a token to try. */
  constructor(given: () => void) {
    const field = the<HTMLInputElement>("token")
    const wrong = the("door-wrong")
    field.addEventListener("input", () => {
      wrong.textContent = ""
      field.removeAttribute("aria-invalid")
    })
    this.#door.querySelector("form")?.addEventListener("submit", (event) => {
      event.preventDefault()
      const text = tokenIn(field.value) ?? /^\s*(\S+)\s*$/.exec(field.value)?.[1]
      if (!text) {
        wrong.textContent = "That is no link with #t= at its end, and no token."
        field.setAttribute("aria-invalid", "true")
        return
      }
      field.value = ""
      setToken(text)
      given()
    })
    // Somebody may put a link with a token into the address bar, which loads nothing if only its end differs.
    addEventListener("hashchange", () => token() && given())
  }

  /** Shows the door in place of the figures, and what is needed to go in. */
  close(code: number, message: string): void {
    const own = token() !== undefined
    the("door-title").textContent =
      code === 403
        ? "This token does not open the status"
        : own
          ? "This token is not valid here"
          : "The status asks who you are"
    the("door-text").textContent =
      code === 403
        ? `The token is good, but it does not have ${right}. The relay says: ${message}.`
        : own
          ? `It is wrong, or it has expired. What is needed is a token with ${right}.`
          : `It is for those who run this relay: what is needed is a token with ${right}. It stays in this tab.`
    this.#show(true)
  }

  open(): void {
    this.#show(false)
  }

  #show(closed: boolean): void {
    if (this.#door.hidden === !closed) return
    const had = document.activeElement
    this.#door.hidden = !closed
    this.#figures.hidden = closed
    if (closed) the("token").focus({ preventScroll: true })
    else if (had && this.#door.contains(had)) the("state").focus()
  }
}
