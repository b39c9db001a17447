import type { Comments } from "./comments.ts"
import { ThreadList } from "./list.tsx"
import { Pins } from "./pins.tsx"
import { OpenThread } from "./thread.tsx"

/** All of the comments that lies over the canvas. */
export function CommentLayer({ comments }: { comments: Comments }) {
  return (
    <>
      <Pins comments={comments} />
      <ThreadList comments={comments} />
      <OpenThread comments={comments} />
    </>
  )
}
