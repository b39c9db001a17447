import { connect, localCopy, snapshots } from "@baton-relay/client"

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
const came: unknown[] = []
const copy = query.has("save")
  ? { format: "json", copy: localCopy(save), snapshots: snapshots(load) }
  : query.has("copy")
    ? { copy: localCopy() }
    : {}
const doc = connection.join(query.get("doc") ?? "", copy)
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

function save(): { blob: Uint8Array; format: string } {
  return { blob: new TextEncoder().encode(JSON.stringify(came)), format: "json" }
}

function load(blob: Uint8Array): void {
  came.push(...JSON.parse(new TextDecoder().decode(blob)))
}

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

/** How far the local copy has come with the log, and how many ops there are in it behind its state. */
function copied(): Promise<{ offset: number; tail: number }> {
  return new Promise((resolve) => {
    const opening = indexedDB.open("baton")
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(["copies", "tails"])
      const heads = transaction.objectStore("copies").getAll()
      const tail = transaction.objectStore("tails").count()
      transaction.oncomplete = () => {
        opening.result.close()
        const { offset = 0 } = heads.result.find((head) => head.place)?.place ?? {}
        resolve({ offset, tail: tail.result })
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
