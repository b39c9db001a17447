// Makes notes.yjs, the updates of a Yjs text by two people, each behind its length in 4 bytes, big endian. Their
// names are given, so the file is the same each time.
//
//   node updates.mjs .

import { writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"

const Y = createRequire(new URL("../../../webdemo/package.json", import.meta.url))("yjs")

const updates = []
function person(clientID) {
  const doc = new Y.Doc()
  doc.clientID = clientID
  doc.on("update", (update, origin) => {
    if (origin !== "heard") updates.push(update)
  })
  return doc
}
const hear = (doc) => {
  for (const update of updates) Y.applyUpdate(doc, update, "heard")
}

const alice = person(1)
const bob = person(2)
alice.getText("text").insert(0, "Dear all,\n")
hear(bob)
bob.getText("text").insert(10, "the hut is ours.\n")
alice.getText("text").insert(10, "good news: ")
hear(alice)
alice.getText("text").insert(alice.getText("text").length, "Alice\n")

const parts = updates.flatMap((update) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(update.length)
  return [length, update]
})
writeFileSync(join(process.argv[2], "notes.yjs"), Buffer.concat(parts))
