/** Returns 128 random bits as 32 hex digits: a name that nobody else has, and a legal Automerge actor. */
export function randomId(): string {
  // Not crypto.randomUUID: that is missing where the page did not come over https.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("")
}
