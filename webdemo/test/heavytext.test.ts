import { after, before, test } from "node:test"
import WebSocket from "ws"
import * as Y from "yjs"
import { BatonProvider } from "../../client/js/src/yjs/index.ts"
import { until } from "../../client/js/test/harness/deadline.ts"
import { type Site, startSite } from "./harness/site.ts"
import { write } from "./harness/writer.ts"

let site: Site

before(async () => {
  site = await startSite()
})

after(() => site?.close())

/** Texts that no person writes by hand, and that anybody can paste. */
const wild: Record<string, string> = {
  "a heading with spaces": `# Title${" ".repeat(6000)}x`,
  "20,000 quotes": ">".repeat(20_000),
  "half a megabyte of emphasis": "*_".repeat(250_000),
  "a table with more cells than anybody reads": `${"|a".repeat(100_000)}\n${"|-".repeat(100_000)}\n${"|a\n".repeat(100)}`,
}

test("no text that somebody pastes stops the pages of the others, or keeps anybody from opening it", async (t) => {
  const ann = await write(t, site, "wild")
  const eve = new BatonProvider(site.relay.url, "text-wild", new Y.Doc(), { WebSocket, shared: false })
  t.after(() => eve.destroy())
  await until("Eve is there", () => eve.synced)
  const text = eve.doc.getText("text")
  for (const [name, content] of Object.entries(wild)) {
    eve.doc.transact(() => {
      text.delete(0, text.length)
      text.insert(0, `\n${content}`)
    })
    await until(`Ann has ${name}`, async () => (await ann.lines())[1]?.startsWith(content.slice(0, 4)))
    await ann.content.focus()
    await ann.page.keyboard.press("Control+Home")
    await ann.page.keyboard.type("Ann ")
    await until(`Ann writes beside ${name}`, () => text.toString().startsWith("Ann \n"))
  }
  await ann.preview
    .getByText(/There is no preview|The preview ends here/)
    .first()
    .waitFor()
  const bob = await write(t, site, "wild", { name: "Bob" })
  await bob.content.focus()
  await bob.page.keyboard.press("Control+Home")
  await bob.page.keyboard.type("Bob ")
  await until("Bob writes beside it", () => text.toString().startsWith("Bob Ann \n|a"))
})
