// Names for new documents. Where no tokens are used, the name is what lets people in: nobody can guess one.

import { words } from "./words.ts"

/** How many words a name has. With 11 bits each, that is 55 bits. */
const length = 5

/** Returns a name that nobody has had, such as maple-otter-cobalt-sunday-harp. */
export function newName(): string {
  // 2^16 is a multiple of the number of words: none comes more often than another.
  const random = crypto.getRandomValues(new Uint16Array(length))
  return Array.from(random, (n) => words[n % words.length]).join("-")
}
