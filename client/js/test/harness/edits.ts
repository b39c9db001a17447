import { readFileSync } from "node:fs"

/** An edit of a text: characters from `at` go, and others come in their place. */
export type Edit = [at: number, gone: number, ...come: string[]]

/** The edits of the JSON list that BATON_TRACE names, or those that are made where it names none. */
export function editsOr(make: () => Edit[]): Edit[] {
  const { BATON_TRACE: file } = process.env
  return file ? JSON.parse(readFileSync(file, "utf8")) : make()
}

/** What edits make of a text. */
export function edited(text: string, edits: readonly Edit[]): string {
  for (const [at, gone, ...come] of edits) text = text.slice(0, at) + come.join("") + text.slice(at + gone)
  return text
}
