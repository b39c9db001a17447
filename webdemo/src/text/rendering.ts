// Markdown becomes HTML in a worker, so that no text keeps the page from what the user does.

import type { Rendered, Surroundings } from "./markdown.ts"
import type { RenderRequest } from "./renderer.ts"

/** How long a text may take, ms. A long one takes a fraction of a second. */
const mostTime = 5000

/** Renders the newest text that it was given; those that came while it was busy are left out. */
export class Rendering {
  /** Hears what became of a text: undefined means that it took too long, or failed. */
  #show: (rendered: Rendered | undefined) => void
  #worker: Worker | undefined
  #limit: ReturnType<typeof setTimeout> | undefined
  #next: RenderRequest | undefined

  constructor(show: (rendered: Rendered | undefined) => void) {
    this.#show = show
  }

  render(source: string, surroundings: Surroundings): void {
    this.#next = { source, surroundings }
    if (this.#limit === undefined) this.#begin()
  }

  /** Ends it. Nothing is shown after that. */
  close(): void {
    clearTimeout(this.#limit)
    this.#worker?.terminate()
  }

  #begin(): void {
    const request = this.#next
    this.#next = undefined
    if (!request) return
    this.#worker ??= this.#start()
    this.#worker.postMessage(request)
    this.#limit = setTimeout(this.#fail, mostTime)
  }

  #start(): Worker {
    const worker = new Worker(new URL("./renderer.ts", import.meta.url), { type: "module" })
    worker.onmessage = ({ data }: MessageEvent<Rendered>) => this.#done(data)
    worker.onerror = this.#fail
    return worker
  }

  #fail = (): void => {
    this.#worker?.terminate()
    this.#worker = undefined
    this.#done(undefined)
  }

  #done(rendered: Rendered | undefined): void {
    clearTimeout(this.#limit)
    this.#limit = undefined
    this.#show(rendered)
    this.#begin()
  }
}
