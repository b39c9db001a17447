import { encode } from "uqr"

/** A QR code, dark on white in every theme, for cameras want it so; nothing if the text is too long for one. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const code = encoded(text)
  if (!code) return null
  const dark = code.data.flatMap((row, y) => row.map((on, x) => (on ? `M${x} ${y}h1v1h-1z` : "")))
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${code.size} ${code.size}`}
      shapeRendering="crispEdges"
      role="img"
      aria-label={label}
    >
      <rect width={code.size} height={code.size} fill="#fff" />
      <path d={dark.join("")} fill="#000" />
    </svg>
  )
}

function encoded(text: string) {
  try {
    return encode(text, { ecc: "M", border: 4 }) // the quiet zone of the standard is four modules wide
  } catch {
    return undefined
  }
}
