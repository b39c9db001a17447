// Addresses of documents: /board/NAME and /text/NAME. Opening one is joining; its name is all that one needs to know.

export type Kind = "board" | "text"

export interface Place {
  kind: Kind
  /** As it stands in the address. */
  name: string
}

/** What a name may be. With the kind before it, it is the name of a document at the relay. */
const legal = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,99}$/
const longest = 100

/** What a name may be, in words. */
export const nameRule = `letters from A to Z, digits and - . _ ~, and at most ${longest} of them`

export function isName(text: string): boolean {
  return legal.test(text)
}

/** Latin letters that Unicode does not take apart into a plain one and its accent. */
const spelled: Record<string, string> = {
  ...{ ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", þ: "th", ı: "i" },
  ...{ Æ: "AE", Œ: "OE", Ø: "O", Ł: "L", Đ: "D", Þ: "Th" },
}

/** The name that is most like a text: Muller for Müller, one for «one»! Undefined if nothing of the text can stay. */
export function nameLike(text: string): string | undefined {
  const letters = text.slice(0, 1000).normalize("NFKD").replace(/\p{M}/gu, "")
  const plain = [...letters].map((letter) => spelled[letter] ?? letter).join("")
  const name = plain.replace(/[^A-Za-z0-9._~-]+/g, "-").replace(/^[._~-]+/, "")
  return withoutEnd(name.slice(0, longest)) || undefined
}

/** A name without the punctuation at its end. */
export function withoutEnd(name: string): string {
  let end = name.length
  while (end > 0 && "._~-".includes(name[end - 1] as string)) end--
  return name.slice(0, end)
}

/** Which document an address is of; undefined if of none. A slash at the end changes nothing. */
export function placeOf(url: URL | Location): Place | undefined {
  const [, kind, name = "", ...more] = url.pathname.replace(/\/$/, "").split("/")
  if ((kind !== "board" && kind !== "text") || more.length > 0 || !isName(name)) return undefined
  return { kind, name }
}

/**
 * Whether the last dot of an address may be that of the sentence it stood in. The addresses that {@link pathOf} makes
 * leave no doubt.
 */
export function isDoubtful(url: URL | Location): boolean {
  return placeOf(url)?.name.endsWith(".") === true && !new URLSearchParams(url.search).has(exactly)
}

const exactly = "exact"

/** The document's name at the relay, by which tokens grant rights, such as board-*. */
export function documentOf({ kind, name }: Place): string {
  return `${kind}-${name}`
}

/** Where the site shows a document, with questions such as split. */
export function pathOf({ kind, name }: Place, ...questions: string[]): string {
  const asked = [...(name.endsWith(".") ? [exactly] : []), ...questions].join("&")
  return `/${kind}/${name}${asked && "?"}${asked}`
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
 * Keeps for the tab the token that the address brings in its fragment, #t=TOKEN, and takes it out of the address, so that
 * nobody copies or photographs it by accident. A fragment never leaves the browser. Returns whether there was one.
 */
export function takeToken(): boolean {
  if (!location.hash.startsWith("#t=")) return false
  const given = tokenIn(location.hash)
  history.replaceState(history.state, "", location.pathname + location.search)
  if (given === undefined) return false
  setToken(given)
  return true
}

/** The token of this tab, which may have come with the address. */
export function token(): string | undefined {
  takeToken()
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

/** The token in a link or a fragment, from #t= to the end or to an &; undefined if there is none. */
export function tokenIn(link: string): string | undefined {
  const text = link.trim()
  const begin = text.indexOf("#t=")
  const given = begin < 0 ? "" : (text.slice(begin + 3).split("&", 1)[0] as string)
  try {
    return given === "" ? undefined : decodeURIComponent(given)
  } catch {
    return given // not by us, and a % in it is a %
  }
}
