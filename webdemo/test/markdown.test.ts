import assert from "node:assert/strict"
import { test } from "node:test"
import { countOf, headingOf } from "../src/text/content.ts"
import { renderMarkdown, toggled } from "../src/text/markdown.ts"

const render = (source: string, readOnly = false) =>
  renderMarkdown(source, { origin: "http://here.example", readOnly }).blocks.join("\n")

test("HTML of the author is shown as text", () => {
  const html = render("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)> &lt;b&gt;")
  assert.doesNotMatch(html, /<script|<img|<b>/)
  assert.match(html, /&lt;script&gt;/)
})

for (const address of [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java&#115;cript:alert(1)",
  "vbscript:x",
  "data:text/html,x",
  "data:image/svg+xml,<svg onload=alert(1)>",
  "file:///etc/passwd",
]) {
  test(`${address} becomes no link and no image`, () => {
    assert.doesNotMatch(render(`[x](${address}) ![x](${address}) <${address}>`), /<a |<img /)
  })
}

test("links open elsewhere, and tell nothing of this page", () => {
  assert.match(
    render("[x](https://elsewhere.example)"),
    /<a href="https:\/\/elsewhere\.example" target="_blank" rel="noopener noreferrer">/,
  )
})

test("images of this host and in the text are shown, others by their words and address", () => {
  assert.match(render("![near](/icon.svg)"), /<img src="\/icon\.svg" alt="near">/)
  assert.match(render("![near](http://here.example/icon.svg)"), /<img /)
  assert.match(render("![dot](data:image/png;base64,AAAA)"), /<img /)
  for (const far of ["https://elsewhere.example/a.png", "//elsewhere.example/a.png", "https://"]) {
    const html = render(`![far "<b>"](${far})`)
    assert.doesNotMatch(html, /<img|<b>/)
    assert.match(html, /far &quot;&lt;b&gt;&quot;/)
  }
})

test("a task is a box with its words and its line", () => {
  const html = render("text\n\n- [ ] one *day*\n- [X] two\n  1. [x] three\n- [] none\n- [y] none")
  const boxes = [...html.matchAll(/<input[^>]*>/g)].map(([box]) => box)
  assert.deepEqual(boxes, [
    '<input type="checkbox" data-task="2" aria-label="one *day*">',
    '<input type="checkbox" data-task="3" aria-label="two" checked="">',
    '<input type="checkbox" data-task="4" aria-label="three" checked="">',
  ])
})

test("the words of a task cannot leave its label", () => {
  assert.match(render('- [ ] "><script>'), /aria-label="&quot;&gt;&lt;script&gt;"/)
})

test("who may only read cannot tick a task", () => {
  assert.match(render("- [ ] one", true), / disabled=""/)
})

test("a task is ticked and unticked where its mark is", () => {
  assert.deepEqual(toggled("- [ ] one"), { at: 3, insert: "x" })
  assert.deepEqual(toggled("  > 10) [X] one"), { at: 9, insert: " " })
  assert.equal(toggled("a [ ] one"), undefined)
  assert.equal(toggled("- one"), undefined)
})

test("tables, code and quotes are what they are", () => {
  const html = render("| a |\n|---|\n| 1 |\n\n```js\nif (a < b) {}\n```\n\n    old\n\n> quote ~~gone~~")
  for (const part of [
    "<th>a</th>",
    "<td>1</td>",
    "if (a &lt; b) {}",
    "<code>old",
    "<blockquote",
    "<s>gone</s>",
  ]) {
    assert.ok(html.includes(part), `${part} in ${html}`)
  }
})

test("a text is called by its first heading", () => {
  assert.equal(headingOf("text\n## The *plan* of `x`, [see](y) ##\n# Other"), "The plan of x, see")
  assert.equal(headingOf("no heading #"), undefined)
  assert.equal(headingOf("#no"), undefined)
  assert.equal(headingOf(`# ${"x".repeat(500)}`)?.length, 100)
})

test("words and characters are counted as a person would", () => {
  assert.deepEqual(countOf(""), { words: 0, characters: 0 })
  assert.deepEqual(countOf("# It's well-known, isn't it? 😀\n- 3.5"), { words: 5, characters: 36 })
  assert.equal(countOf("日本語です").words, 5)
  assert.equal(countOf("żółć naïve Ελλάδα").words, 3)
})
