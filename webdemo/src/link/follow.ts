// Links with a token that somebody opens in a tab that is on that page already.

import { takeToken } from "./link.ts"

/** How long to wait before the relay is asked again whether it is there, ms. */
const pause = 2000

/**
 * Takes the token of the address now, and of each address that comes later. A browser loads nothing where only the
 * fragment differs: the page loads itself again, and is then what the new token lets one see.
 */
export function followAddress(): void {
  takeToken()
  addEventListener("hashchange", () => takeToken() && void loadAgain())
}

/** Loads the page again once the relay can serve it: until then, the page that is here is worth more than none. */
async function loadAgain(): Promise<void> {
  while (!(await isServed())) await new Promise((resolve) => setTimeout(resolve, pause))
  location.reload()
}

async function isServed(): Promise<boolean> {
  try {
    return (await fetch(location.pathname, { method: "HEAD", cache: "no-store" })).ok
  } catch {
    return false
  }
}
