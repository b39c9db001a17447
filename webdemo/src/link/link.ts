// Addresses of documents: /board/NAME and /text/NAME. Opening one is joining; its name is all that one needs to know.

export type Kind = "board" | "text"

export interface Place {
  kind: Kind
  /** As it stands in the address. */
  name: string
}

/** What a name may be. With the kind before it, it is the name of a document at the relay. */
const legal = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/

export function isName(text: string): boolean {
  return legal.test(text)
}

/** Which document an address is of; undefined if of none. */
export function placeOf(url: URL | Location): Place | undefined {
  const [, kind, name = "", ...more] = url.pathname.split("/")
  if ((kind !== "board" && kind !== "text") || more.length > 0 || !isName(name)) return undefined
  return { kind, name }
}

/** The document's name at the relay, by which tokens grant rights, such as board-*. */
export function documentOf({ kind, name }: Place): string {
  return `${kind}-${name}`
}

export function pathOf({ kind, name }: Place): string {
  return `/${kind}/${name}`
}

/** What of the site a document at the relay is shown by; undefined for one of another program. */
export function placeOfDocument(document: string): Place | undefined {
  const [kind, ...rest] = document.split("-")
  const name = rest.join("-")
  return (kind === "board" || kind === "text") && isName(name) ? { kind, name } : undefined
}

/** The link to a document at an origin such as https://example.org; with a token, whoever has it comes in by that. */
export function linkOf(place: Place, origin: string, token?: string): string {
  return origin + pathOf(place) + (token === undefined ? "" : `#t=${encodeURIComponent(token)}`)
}

/** What somebody has typed or pasted as a link to a document, as an address; undefined if it is none. */
export function linkIn(text: string): URL | undefined {
  const bare = text.trim()
  const given = /^[^/\s]+\/(board|text)\//.test(bare) ? `${location.protocol}//${bare}` : bare
  try {
    const url = new URL(given, location.origin)
    return url.protocol.startsWith("http") && placeOf(url) ? url : undefined
  } catch {
    return undefined
  }
}

const tokenKey = "baton.token"

/** Where the browser keeps nothing, a token holds for this page. */
let unkept: string | undefined

/**
 * The token of this tab. One that the address brings in its fragment, #t=TOKEN, is kept for the tab and taken out of the
 * address, so that nobody copies or photographs it by accident. A fragment never leaves the browser.
 */
export function token(): string | undefined {
  const given = tokenIn(location.hash)
  if (given) {
    setToken(given)
    history.replaceState(history.state, "", location.pathname + location.search)
  }
  try {
    return sessionStorage.getItem(tokenKey) ?? unkept
  } catch {
    return unkept
  }
}

/** Makes a token that of this tab, for pages that are loaded from now on; undefined forgets it. */
export function setToken(token: string | undefined): void {
  unkept = token
  try {
    if (token === undefined) sessionStorage.removeItem(tokenKey)
    else sessionStorage.setItem(tokenKey, token)
  } catch {
    // It holds for this page.
  }
}

/** The token at the end of a link or a fragment, after #t=; undefined if there is none. */
export function tokenIn(link: string): string | undefined {
  const given = /#t=([^&]+)$/.exec(link.trim())?.[1]
  try {
    return given && decodeURIComponent(given)
  } catch {
    return given // not by us, and a % in it is a %
  }
}
