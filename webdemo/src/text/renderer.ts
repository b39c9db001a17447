// The worker that makes HTML of Markdown.

import { renderMarkdown, type Surroundings } from "./markdown.ts"

/** What the page asks of it. The answer is a {@link Rendered}. */
export interface RenderRequest {
  source: string
  surroundings: Surroundings
}

addEventListener("message", ({ data }: MessageEvent<RenderRequest>) => {
  postMessage(renderMarkdown(data.source, data.surroundings))
})
