// What of ours Excalidraw calls. It calls it in the middle of its own work: what is thrown there ends it, and with it the
// page. So it is caught, logged, and said.

import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"

/** Errors that the user was told of: one that each move of the pointer brings is said once. */
const told = new Set<string>()

/** Runs a part of the page, of which nothing else depends on. `what` is what does not work where it fails. */
export function guard(api: ExcalidrawImperativeAPI | undefined, what: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    console.error(error)
    const message = `An error in this page: ${what} (${(error as Error).message}). Load the page again.`
    if (told.has(message)) return
    told.add(message)
    // Not in the middle of what Excalidraw is doing.
    setTimeout(() => api?.setToast({ message, closable: true, duration: Number.POSITIVE_INFINITY }))
  }
}
