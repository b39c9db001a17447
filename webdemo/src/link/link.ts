// Addresses of documents: /board/NAME and /text/NAME. Opening one is joining; its name is all that one needs to know.

export type Kind = "board" | "text"

export interface Place {
  kind: Kind
  /** As it stands in the address. */
  name: string
}

/** What a name may be. With the kind before it, it is the name of a document at the relay. */
const legal = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/

/** Which document an address is of; undefined if of none. */
export function placeOf(url: URL | Location): Place | undefined {
  const [, kind, name = "", ...more] = url.pathname.split("/")
  if ((kind !== "board" && kind !== "text") || more.length > 0 || !legal.test(name)) return undefined
  return { kind, name }
}

/** The document's name at the relay, by which tokens grant rights, such as board-*. */
export function documentOf({ kind, name }: Place): string {
  return `${kind}-${name}`
}

export function pathOf({ kind, name }: Place): string {
  return `/${kind}/${name}`
}

const tokenKey = "baton.token"

/**
 * The token of this tab. One that the address brings in its fragment, #t=TOKEN, is kept for the tab and taken out of the
 * address, so that nobody copies or photographs it by accident. A fragment never leaves the browser.
 */
export function token(): string | undefined {
  const given = /^#t=([^&]+)$/.exec(location.hash)?.[1]
  if (given) {
    sessionStorage.setItem(tokenKey, decodeURIComponent(given))
    history.replaceState(history.state, "", location.pathname + location.search)
  }
  return sessionStorage.getItem(tokenKey) ?? undefined
}
