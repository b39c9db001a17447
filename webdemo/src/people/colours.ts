// Colours for people: white text on each can be read (4.5 : 1), and those that come first differ most.

export const colours = [
  "#d92626",
  "#1971c2",
  "#2b8a3e",
  "#b35c00",
  "#7048e8",
  "#0b7285",
  "#c2255c",
  "#4d7c0f",
  "#9c36b5",
  "#8d5524",
  "#495057",
  "#364fc7",
]

/** Returns `own` if nobody has it, else the colour that the fewest have. */
export function freeColour(own: string | undefined, taken: Iterable<string>): string {
  const count = new Map(colours.map((colour) => [colour, 0]))
  for (const colour of taken) count.set(colour, (count.get(colour) ?? 0) + 1)
  if (own !== undefined && colours.includes(own) && !count.get(own)) return own
  let best = colours[0] as string
  for (const colour of colours) {
    if ((count.get(colour) ?? 0) < (count.get(best) ?? 0)) best = colour
  }
  return best
}
