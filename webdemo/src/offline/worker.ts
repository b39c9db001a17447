// The service worker. Pages come from the relay and only where it cannot be reached from the cache, so that nobody sees
// an older build than the relay's; files under /assets/ never change under their name, and come from the cache first.

/** The page that is served at an address; undefined for what is no page of the site. */
function pageAt({ pathname, searchParams }: URL): string | undefined {
  if (pathname === "/") return "/start.html"
  if (pathname === "/status") return "/status.html"
  if (/^\/text\/[^/]+\/?$/.test(pathname)) return "/text.html"
  if (!/^\/board\/[^/]+\/?$/.test(pathname)) return undefined
  return searchParams.has("split") ? "/split.html" : "/board.html"
}

interface LifeEvent extends Event {
  waitUntil(what: Promise<unknown>): void
}

interface RequestEvent extends LifeEvent {
  request: Request
  respondWith(what: Promise<Response>): void
}

/** Every file of the site, put here when it is built: the assets come before the pages, which need them. */
declare const __FILES__: string[]

const files = __FILES__
const site = "site"

/** How long a relay may take to answer before what is kept is shown, ms. */
const patience = 5000

async function fill(): Promise<void> {
  const cache = await caches.open(site)
  for (const file of files) {
    if (file.startsWith("/assets/") && (await cache.match(file))) continue
    const response = await fetch(file, { cache: "no-cache" })
    if (!response.ok) throw new Error(`${file}: the relay answers ${response.status}`) // the browser tries again later
    await cache.put(file, response)
  }
}

/** Drops the files of earlier builds: by now no page of those is open. */
async function clean(): Promise<void> {
  const cache = await caches.open(site)
  const now = new Set(files)
  for (const { url } of await cache.keys()) {
    if (!now.has(new URL(url).pathname)) await cache.delete(url)
  }
}

async function page(name: string, event: RequestEvent): Promise<Response> {
  const cache = await caches.open(site)
  const kept = await cache.match(name)
  const answer = load(name, event)
  if (!kept) return answer
  const late = new Promise<Response>((resolve) => setTimeout(resolve, patience, kept))
  // 502 to 504 is a proxy that does not reach the relay.
  return Promise.race([answer.then((response) => (response.status < 500 ? response : kept)), late]).catch(
    () => kept,
  )
}

async function asset(name: string, event: RequestEvent): Promise<Response> {
  const cache = await caches.open(site)
  return (await cache.match(name)) ?? load(name, event)
}

/** Fetches what the page asks for and keeps it under a name. */
async function load(name: string, event: RequestEvent): Promise<Response> {
  const response = await fetch(event.request)
  if (!response.ok) return response
  const copy = response.clone()
  const cache = await caches.open(site)
  event.waitUntil(cache.put(name, copy))
  return response
}

addEventListener("install", (event) => (event as LifeEvent).waitUntil(fill()))
addEventListener("activate", (event) => (event as LifeEvent).waitUntil(clean()))
addEventListener("fetch", (e) => {
  const event = e as RequestEvent
  const { method, mode, url } = event.request
  const address = new URL(url)
  if (method !== "GET" || address.origin !== location.origin) return
  const name = mode === "navigate" ? pageAt(address) : undefined
  if (name) event.respondWith(page(name, event))
  else if (files.includes(address.pathname) || address.pathname.startsWith("/assets/"))
    event.respondWith(asset(address.pathname, event))
})
