import assert from "node:assert/strict"
import { after, afterEach, before, describe, test } from "node:test"
import type { Browser, Page } from "playwright-core"
import { launch, newPage } from "./harness/browser.ts"
import { cutErrors } from "./harness/cuterrors.ts"
import { until } from "./harness/deadline.ts"
import { type Fixtures, serveFixtures } from "./harness/fixtures.ts"
import { startProxy } from "./harness/proxy.ts"
import { type Relay, startRelay } from "./harness/relay.ts"

/** An editor's page, and the CSS selectors of what it shows. */
interface Editor {
  page: string
  line: string
  caret: string
}

const codeMirror: Editor = { page: "codemirror", line: ".cm-line", caret: ".cm-ySelectionCaret" }
const proseMirror: Editor = {
  page: "prosemirror",
  line: ".ProseMirror > p",
  caret: ".ProseMirror-yjs-cursor",
}
const tiptap: Editor = { page: "tiptap", line: ".tiptap > p", caret: ".collaboration-carets__caret" }

/** Somebody with a browser profile of their own, before one editor after the other. */
class Person {
  readonly page: Page
  readonly #errors: string[]
  readonly #user: string
  readonly #color: string
  #editor = codeMirror
  #expected = new Set<string>()

  constructor(user: string, color: string, { page, errors }: { page: Page; errors: string[] }) {
    this.#user = user
    this.#color = color
    this.page = page
    this.#errors = errors
  }

  /** Opens a document in an editor, and waits until what others wrote is there. */
  async open(editor: Editor, name: string, network = relay.url, site = fixtures.url): Promise<void> {
    this.#editor = editor
    this.#expected = network === relay.url ? new Set() : cutErrors(network)
    const query = new URLSearchParams({ relay: network, name, user: this.#user, color: this.#color })
    await this.page.goto(`${site}/${editor.page}.html?${query}`)
    await until("the document is here", () => this.page.evaluate("provider.synced"))
  }

  async leave(): Promise<void> {
    await this.page.goto("about:blank")
  }

  /** What went wrong in the page since the last call, but for what is logged of a network that is cut on purpose. */
  errors(): string[] {
    return this.#errors.splice(0).filter((error) => !this.#expected.has(error))
  }

  /** Clicks on a line, counted from 0, and goes to its end. */
  async goTo(line: number): Promise<void> {
    // As long as by hand, ms: ProseMirror puts the caret once more, 20 ms after it got the focus.
    const delay = 50
    await until(`the caret is in line ${line}`, async () => {
      // Again, as a person would: in ProseMirror a click is lost if just then the caret of another moves.
      await this.page.locator(this.#editor.line).nth(line).click({ delay })
      await this.page.keyboard.press("End", { delay })
      return (await this.#caretLine()) === line
    })
  }

  #caretLine(): Promise<number> {
    return this.page.evaluate((line) => {
      const at = getSelection()?.focusNode ?? null
      return [...document.querySelectorAll(line)].findIndex((element) => element.contains(at))
    }, this.#editor.line)
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key)
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text)
  }

  /** Waits until the relay has what was typed here. */
  async saved(): Promise<void> {
    await this.page.evaluate("provider.document.saved.all()")
  }

  /** The lines that are seen, without the carets of others. */
  lines(): Promise<string[]> {
    return this.page.evaluate(({ line, caret }) => {
      return [...document.querySelectorAll(line)].map((element) => {
        const copy = element.cloneNode(true) as Element
        for (const c of copy.querySelectorAll(caret)) c.remove()
        return copy.textContent
      })
    }, this.#editor)
  }

  async sees(...lines: string[]): Promise<void> {
    await until(`${this.#user} sees it`, async () => {
      assert.deepEqual(await this.lines(), lines)
      return true
    })
  }

  /** Waits until just these people's carets are seen, with their names. */
  async seesCarets(...names: string[]): Promise<void> {
    const carets = this.page.locator(this.#editor.caret)
    await until(`${this.#user} sees the carets of [${names}]`, async () => {
      const texts = (await carets.allTextContents()).map((text) => text.replaceAll("\u2060", "")) // word joiners
      assert.deepEqual(texts, names)
      return names.length === 0 || (await carets.first().isVisible())
    })
  }
}

let fixtures: Fixtures
let relay: Relay
let browser: Browser
let alice: Person
let bob: Person
let documents = 0

before(async () => {
  fixtures = await serveFixtures([codeMirror, proseMirror, tiptap].map(({ page }) => page))
  relay = await startRelay({ args: fixtures.relayArgs })
  browser = await launch()
  alice = new Person("Alice", "#d6336c", await newPage(await browser.newContext(), "about:blank"))
  bob = new Person("Bob", "#1971c2", await newPage(await browser.newContext(), "about:blank"))
})

afterEach(() => {
  assert.deepEqual([...alice.errors(), ...bob.errors()], [])
})

after(async () => {
  await browser?.close()
  await relay?.close()
  await fixtures?.close()
})

/** Opens a new document for both. */
async function openBoth(editor: Editor, aliceNetwork?: string): Promise<void> {
  const name = `${editor.page}-${documents++}`
  await Promise.all([alice.open(editor, name, aliceNetwork), bob.open(editor, name)])
}

async function bothSee(...lines: string[]): Promise<void> {
  await Promise.all([alice.sees(...lines), bob.sees(...lines)])
}

for (const [name, editor] of Object.entries({
  CodeMirror: codeMirror,
  ProseMirror: proseMirror,
  Tiptap: tiptap,
})) {
  describe(name, () => {
    test("shows what the other types, also after a reload, and the other's caret with the name", async () => {
      await openBoth(editor)
      await alice.goTo(0)
      await alice.type("Dear Bob,")
      await bob.sees("Dear Bob,")
      await bob.seesCarets("Alice")
      await bob.page.reload()
      await bob.sees("Dear Bob,")
      await bob.seesCarets("Alice")
      await bob.goTo(0)
      await bob.press("Enter")
      await bob.type("yes?")
      await alice.sees("Dear Bob,", "yes?")
      await alice.seesCarets("Bob")
      await bob.leave()
      await alice.seesCarets()
    })

    test("has the same text for two who type at once", async () => {
      await openBoth(editor)
      await alice.goTo(0)
      await alice.type("a:")
      await alice.press("Enter")
      await alice.type("b:")
      await bothSee("a:", "b:")
      await Promise.all([alice.goTo(0), bob.goTo(1)])
      await Promise.all([alice.type("in the first line"), bob.type("in the second line")])
      await bothSee("a:in the first line", "b:in the second line")

      await Promise.all([alice.goTo(0), bob.goTo(0)])
      await Promise.all([alice.type("0123456789"), bob.type("abcdefghij")])
      await until("both have both", async () => {
        const [a, b] = [await alice.lines(), await bob.lines()]
        assert.deepEqual(a, b)
        assert.equal([...(a[0]?.slice(19) ?? "")].sort().join(""), "0123456789abcdefghij")
        return true
      })
    })

    test("takes back what one has typed oneself, and not what the other has", async () => {
      await openBoth(editor)
      await bob.goTo(0)
      await bob.type("one ")
      await alice.sees("one ")
      await alice.goTo(0)
      await alice.type("two ")
      await bob.sees("one two ")
      await bob.goTo(0)
      await bob.type("three")
      await alice.sees("one two three")
      await alice.press("Control+z")
      await bothSee("one three")
      await alice.press("Control+z") // of nothing
      await alice.press("Control+Shift+Z")
      await bothSee("one two three")
    })

    test("has what both have typed while one had no network", async (t) => {
      const proxy = await startProxy(relay.port)
      t.after(async () => {
        await alice.leave()
        await proxy.close()
      })
      await openBoth(editor, proxy.url)
      await alice.goTo(0)
      await alice.type("both")
      await bob.sees("both")
      await bob.seesCarets("Alice")

      proxy.refuse(true)
      proxy.cut()
      await bob.seesCarets() // she is gone
      await alice.press("Home")
      await alice.type("alone ")
      await bob.goTo(0)
      await bob.type(" too")
      await bob.saved()
      assert.deepEqual([await alice.lines(), await bob.lines()], [["alone both"], ["both too"]])

      proxy.refuse(false)
      await bothSee("alone both too")
      await bob.seesCarets("Alice")
    })
  })
}

test("CodeMirror sends whole characters, also of an input method that replaces one by a similar one", async () => {
  await openBoth(codeMirror)
  await alice.goTo(0)
  const method = await alice.page.context().newCDPSession(alice.page)
  const compose = async (text: string) => {
    const { length } = text
    await method.send("Input.imeSetComposition", { text, selectionStart: length, selectionEnd: length })
  }
  let line = "x"
  await alice.type(line)
  for (const candidates of [
    ["え", "😀", "😄"],
    ["か", "𠮟", "𠮷"],
    ["👍🏻", "👍🏿", "👍"],
    ["\u{1f600}", "\u{1fa00}"], // their second halves are the same
  ]) {
    for (const candidate of candidates) {
      await compose(candidate)
      await bob.sees(line + candidate)
    }
    const chosen = candidates.at(-1) as string
    await method.send("Input.insertText", { text: chosen })
    line += chosen
    await bothSee(line)
  }
  await alice.saved()
  assert.equal(await alice.page.evaluate("provider.doc.getText('text').toString()"), line)
  await alice.page.reload()
  await bothSee(line)
  await method.detach()
})

test("CodeMirror shows what all others have, though somebody's program has cut a character", async () => {
  await openBoth(codeMirror)
  await alice.goTo(0)
  await alice.type("a😀b😀c")
  await bob.sees("a😀b😀c")
  await bob.page.evaluate("provider.doc.getText('text').insert(2, '-')")
  await bothSee("a\ufffd-\ufffdb😀c")
  await alice.goTo(0)
  await alice.type("!")
  await bothSee("a\ufffd-\ufffdb😀c!")
})

test("an editor goes off the network and back as it is told", async () => {
  await openBoth(codeMirror)
  await alice.goTo(0)
  await alice.page.evaluate("provider.disconnect()")
  await alice.type("alone")
  await bob.goTo(0)
  await bob.type("alone too")
  await bob.saved()
  assert.deepEqual([await alice.lines(), await bob.lines()], [["alone"], ["alone too"]])
  await alice.page.evaluate("provider.connect()")
  await alice.saved()
  await until("both have both", async () => {
    const [a, b] = [await alice.lines(), await bob.lines()]
    assert.deepEqual(a, b)
    return a[0] === "alonealone too" || a[0] === "alone tooalone"
  })
})

test("an editor works in a page that came over plain HTTP", async () => {
  await alice.open(codeMirror, "insecure", relay.url, fixtures.insecureUrl)
  assert.equal(await alice.page.evaluate("isSecureContext"), false)
  await alice.goTo(0)
  await alice.type("typed in an office network")
  await alice.saved()
  await alice.page.reload()
  await alice.sees("typed in an office network")
})
