import * as A from "@automerge/automerge/slim"

/** The least version of Automerge that this package takes, and the commit that it was built from. */
const least = "3.5.0"
const commit = "4d2a8f6"

/**
 * Names the Automerge that is in use, for the snapshots that it makes. A library in a browser knows its commit and not
 * its version: one that is not the least is named with its commit.
 */
export function maker(): string {
  const built = A.releaseInfo().js.gitHead.slice(0, commit.length)
  return `automerge ${least}${built === commit ? "" : `+${built}`}`
}
