/** What a page's address says: `?relay=http://…&name=notes&user=Alice&color=%23d6336c`, and more for some pages. */
const query = new URLSearchParams(location.search)

export const relay = query.get("relay") ?? ""
/** The name of the document. */
export const name = query.get("name") ?? ""
/** Who sits before the page, for the carets that others see. */
export const user = { name: query.get("user") ?? "", color: query.get("color") ?? "#d6336c" }
/** Left out: no token. */
export const token = query.get("token") ?? ""
/** Milliseconds. Left out: that of the client. */
export const heartbeat = Number(query.get("heartbeat") ?? 10_000)
