import { connect, localCopy } from "@baton-relay/client"

/** What a test asks of the page: a document of the relay in its query, and all that came. */
const query = new URL(location.href).searchParams
const token = query.get("token") ?? undefined
const subject = query.get("subject") ?? undefined
if (query.has("slow")) await occupy(500)
const connection = connect(query.get("relay") ?? "", {
  minBackoff: 20,
  maxBackoff: 200,
  ...(token && { token }),
  ...(subject && { subject }),
})
const doc = connection.join(query.get("doc") ?? "", query.has("copy") ? { copy: localCopy() } : {})

const came: unknown[] = []
const opened = performance.now()
let firstAt = 0
doc.ops.on((batch) => {
  firstAt ||= performance.now() - opened
  for (const op of batch) came.push(op.payload)
})
const problems: string[] = []
doc.on("problem", (problem) => problems.push(problem.message))

Object.assign(globalThis, {
  append: (payload: unknown) => doc.append(payload).actor,
  saved: () => doc.saved.all(),
  pending: () => doc.saved.pending,
  standing: () => ({ ...doc.status, storage: doc.status.storage?.message }),
  actor: () => doc.actor,
  came: () => came,
  problems: () => problems,
  openedIn: () => firstAt,
  stored,
  copied,
})

/** Keeps the browser's storage busy for so long, ms. Resolves when it is. */
function occupy(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const opening = indexedDB.open("baton")
    opening.onsuccess = () => {
      const until = performance.now() + ms
      const store = opening.result.transaction("ops", "readwrite").objectStore("ops")
      const again = () => {
        store.count().onsuccess = () => {
          if (performance.now() < until) again()
          else opening.result.close()
        }
      }
      again()
      resolve()
    }
  })
}

/** How far the local copy has come with the log. */
function copied(): Promise<number> {
  return new Promise((resolve) => {
    const opening = indexedDB.open("baton")
    opening.onsuccess = () => {
      const reading = opening.result.transaction("copies").objectStore("copies").getAll()
      reading.onsuccess = () => {
        opening.result.close()
        resolve(reading.result[0]?.place.offset ?? 0)
      }
    }
  })
}

/** Resolves when the browser has stored what it was given before: work of one turn is stored behind that of earlier ones. */
function stored(): Promise<void> {
  return new Promise((resolve) => {
    const opening = indexedDB.open("baton")
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("ops", "readwrite")
      transaction.objectStore("ops").count()
      transaction.oncomplete = () => {
        opening.result.close()
        resolve()
      }
    }
  })
}
