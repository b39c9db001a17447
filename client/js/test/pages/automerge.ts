import * as Automerge from "@automerge/automerge"
import * as slim from "@automerge/automerge/slim"

// A document of the one entry is one of the other: there is one Automerge.
const doc = slim.change(Automerge.from({ text: "" }), (d) => {
  Automerge.splice(d, ["text"], 0, 0, "hello")
})

Object.assign(window, { copy: Automerge.load(Automerge.save(doc)) })
