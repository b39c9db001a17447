// The service worker. Pages come from the relay and only where it cannot be reached from the cache, so that nobody sees
// an older build than the relay's; files under /assets/ never change under their name, and come from the cache first.

/** The page that is served at an address. */
function pageAt(url: URL): string {
  if (url.pathname.startsWith("/board/")) return url.searchParams.has("split") ? "/split.html" : "/board.html"
  if (url.pathname.startsWith("/text/")) return "/text.html"
  return "/start.html"
}

interface LifeEvent extends Event {
  waitUntil(what: Promise<unknown>): void
}

interface RequestEvent extends LifeEvent {
  request: Request
  respondWith(what: Promise<Response>): void
}

/** Every file of the site, put here when it is built. */
declare const __FILES__: string[]

const files = __FILES__
const site = "site"

async function fill(): Promise<void> {
  const cache = await caches.open(site)
  for (const file of files) {
    if (file.startsWith("/assets/") && (await cache.match(file))) continue
    const response = await fetch(file, { cache: "no-cache" })
    if (response.ok) await cache.put(file, response)
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

async function page(request: Request, event: LifeEvent): Promise<Response> {
  const cache = await caches.open(site)
  const name = pageAt(new URL(request.url))
  try {
    const response = await fetch(request)
    if (response.ok) event.waitUntil(cache.put(name, response.clone()))
    return response
  } catch (error) {
    const kept = await cache.match(name)
    if (kept) return kept
    throw error
  }
}

async function asset(request: Request, event: LifeEvent): Promise<Response> {
  const cache = await caches.open(site)
  const kept = await cache.match(request.url)
  if (kept) return kept
  const response = await fetch(request)
  if (response.ok) event.waitUntil(cache.put(request.url, response.clone()))
  return response
}

addEventListener("install", (event) => (event as LifeEvent).waitUntil(fill()))
addEventListener("activate", (event) => (event as LifeEvent).waitUntil(clean()))
addEventListener("fetch", (e) => {
  const event = e as RequestEvent
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== "GET" || origin !== location.origin) return
  if (request.mode === "navigate" && !pathname.startsWith("/v1/")) event.respondWith(page(request, event))
  else if (files.includes(pathname) || pathname.startsWith("/assets/"))
    event.respondWith(asset(request, event))
})
