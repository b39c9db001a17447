// Asks the relay once a second how it stands, while somebody looks.

import type { RelayStatus } from "@baton-relay/client"
import { token } from "../link/link.ts"

export type Answer =
  | { is: "status"; status: RelayStatus }
  /** It wants another token: 401, or 403 for one without the right. */
  | { is: "refused"; code: number; message: string }
  /** It does not answer, or not in a way that makes sense: why, and in how many ms it is asked again. */
  | { is: "silent"; why: string; again: number }

const beat = 1000
const longest = 15_000
const patience = 5000

export interface Poll {
  /** Asks now, whatever was planned. */
  now(): void
}

/** Begins to ask. After a refusal it asks again only when it is told to. */
export function poll(told: (answer: Answer) => void): Poll {
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = false
  let refused = false
  let failures = 0

  async function ask(): Promise<void> {
    if (asking) return
    asking = true
    clearTimeout(timer)
    const began = performance.now()
    const answer = await get()
    asking = false
    refused = answer.is === "refused"
    failures = answer.is === "silent" ? failures + 1 : 0
    let wait = Math.max(0, beat - (performance.now() - began))
    if (answer.is === "silent") wait = answer.again = Math.min(longest, beat * 2 ** (failures - 1))
    told(answer)
    if (!refused && !document.hidden) timer = setTimeout(ask, wait)
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer)
    if (!document.hidden && !refused) void ask()
  })
  if (!document.hidden) void ask()
  return { now: () => void ask() }
}

async function get(): Promise<Answer> {
  const own = token()
  try {
    const response = await fetch("/v1/admin/status", {
      headers: own ? { "Baton-Token": own } : {},
      redirect: "error", // the token is for the relay alone
      cache: "no-store",
      signal: AbortSignal.timeout(patience),
    })
    if (response.ok) return { is: "status", status: await response.json() }
    const code = response.status
    if (code !== 401 && code !== 403) return silent(`it says ${code} ${response.statusText}`.trim())
    const body = await response.json().catch(() => ({}))
    return { is: "refused", code, message: String(body.message ?? "") }
  } catch (err) {
    return silent(err instanceof DOMException && err.name === "TimeoutError" ? "it takes too long" : "")
  }
}

function silent(why: string): Answer {
  return { is: "silent", why, again: 0 }
}
