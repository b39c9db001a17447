import assert from "node:assert/strict"
import { test } from "node:test"
import { isDoubtful, isName, linkIn, linkOf, nameLike, pathOf, placeOf, tokenIn } from "../src/link/link.ts"
import { isLoopback } from "../src/share/addresses.ts"

Object.assign(globalThis, { location: new URL("http://localhost:8080/") })

test("what one types as a link is one if it leads to a board or a text", () => {
  for (const [text, want] of [
    ["http://localhost:8080/board/a-b", "http://localhost:8080/board/a-b"],
    [" https://example.org/text/a.b~c_d#t=x ", "https://example.org/text/a.b~c_d#t=x"],
    ["192.168.0.7:8080/board/a", "http://192.168.0.7:8080/board/a"],
    ["[::1]:8080/text/a", "http://[::1]:8080/text/a"],
    ["localhost/board/a?split", "http://localhost/board/a?split"],
    ["/board/a", "http://localhost:8080/board/a"],
    ["board/a", "http://localhost:8080/board/a"],
    ["a", undefined],
    ["", undefined],
    ["http://example.org/", undefined],
    ["http://example.org/board/", undefined],
    ["http://example.org/board/a/b", undefined],
    ["http://example.org/board/-a", undefined],
    ["http://example.org/board/%2e%2e", undefined],
    [`/board/${"a".repeat(101)}`, undefined],
    ["javascript:alert(1)/board/a", undefined],
    ["file:///board/a", undefined],
    ["http://[/board/a", undefined],
  ] as const) {
    assert.equal(linkIn(text)?.href, want, text)
  }
})

test("a token goes through a link unharmed", () => {
  for (const token of ["s3cret", "a/b=", "a b", "a%20b", "%", "ä&#?", "#t=x"]) {
    const link = linkOf({ kind: "text", name: "n" }, "https://example.org", token)
    assert.equal(tokenIn(link), token)
    assert.deepEqual(placeOf(new URL(link)), { kind: "text", name: "n" })
  }
})

test("what stands after #t= is a token also if nobody has encoded it", () => {
  assert.equal(tokenIn("#t=100%"), "100%")
  assert.equal(tokenIn("#t="), undefined)
  assert.equal(tokenIn("https://example.org/board/a#t=s3cret&from=chat"), "s3cret")
  assert.equal(tokenIn("#x=1"), undefined)
  assert.equal(tokenIn("s3cret"), undefined)
})

test("of what is no name the name that is most like it is found", () => {
  for (const [text, want] of [
    ["Müller", "Muller"],
    ["Straße 7", "Strasse-7"],
    ["Ærø", "AEro"],
    ["one!", "one"],
    ["«one»,", "one"],
    ["-x", "x"],
    ["a/b", "a-b"],
    ["x".repeat(101), "x".repeat(100)],
    ["日本", undefined],
    ["...", undefined],
    ["", undefined],
  ] as const) {
    const got = nameLike(text)
    assert.equal(got, want, text)
    assert.ok(got === undefined || isName(got), text)
  }
})

test("a slash behind a name changes nothing, and a dot may be that of a sentence", () => {
  const at = (path: string) => new URL(path, "https://example.org")
  assert.deepEqual(placeOf(at("/board/one/")), { kind: "board", name: "one" })
  assert.equal(placeOf(at("/board/one//")), undefined)
  for (const [path, want] of [
    ["/board/one", false],
    ["/board/v1.2", false],
    ["/board/one.", true],
    ["/board/one./", true],
    ["/board/one.?split", true],
    [pathOf({ kind: "board", name: "one." }), false],
    [pathOf({ kind: "board", name: "one." }, "split"), false],
  ] as const) {
    assert.equal(isDoubtful(at(path)), want, path)
  }
})

test("hosts are told apart that nobody else can reach", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
    assert.ok(isLoopback(host), host)
  for (const host of [
    "localhost.example.org",
    "mylocalhost",
    "192.168.0.7",
    "[::2]",
    "127.0.0.1.example.org",
  ])
    assert.ok(!isLoopback(host), host)
})
