// The beginning of a text, for names and lists.

/** Room for the longest characters that people write, such as a family of emoji, in UTF-16 units. */
const longestCharacter = 64

const segmenter = new Intl.Segmenter()

/** Returns the beginning of a text, at most so many UTF-16 units long; it ends where a character ends. */
export function beginningOf(text: string, most: number): string {
  if (text.length <= most) return text
  const around = text.slice(0, most + longestCharacter)
  return around.slice(0, segmenter.segment(around).containing(most)?.index)
}

/** Returns the first character of a text, as people count them; empty for an empty text. */
export function firstOf(text: string): string {
  return text.slice(0, segmenter.segment(text.slice(0, longestCharacter)).containing(0)?.segment.length ?? 0)
}
