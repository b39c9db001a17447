// Two boards side by side, for one who wants to see alone how it is with others: each is a person of its own and can be
// cut off from the other.

import { useRef, useState } from "react"
import { isDoubtful, pathOf, placeOf } from "../link/link.ts"
import { Nowhere } from "../link/nowhere.tsx"
import { mount } from "../look/mount.ts"
import { ThemeSwitch } from "../look/themeswitch.tsx"
import "./split.css"

/** What a board page in a frame is told, from this origin: to stay away from the relay, or to come back. */
interface Word {
  baton: "pause" | "resume"
}

function Split() {
  const place = placeOf(location)
  if (!place || isDoubtful(location)) return <Nowhere kind="board" />
  return (
    <div className="split">
      <header>
        <h1>Two people, one board</h1>
        <p>Cut one off, draw in both, connect it again.</p>
        <a href={pathOf(place)}>One board</a>
        <ThemeSwitch />
      </header>
      <main>
        <Side title="You" src={pathOf(place, "person=1")} />
        <Side title="Also you" src={pathOf(place, "person=2")} />
      </main>
    </div>
  )
}

/** One of the two. */
function Side({ title, src }: { title: string; src: string }) {
  const frame = useRef<HTMLIFrameElement>(null)
  const [cut, setCut] = useState(false)
  const tell = (cut: boolean) => {
    const word: Word = { baton: cut ? "pause" : "resume" }
    frame.current?.contentWindow?.postMessage(word, location.origin)
  }
  const action = cut ? "Connect it again" : "Cut this one off"
  return (
    <section className={cut ? "split-side split-cut" : "split-side"} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span role="status">{cut && "Cut off"}</span>
        <button
          type="button"
          aria-label={`${action}: ${title}`}
          onClick={() => {
            setCut(!cut)
            tell(!cut)
          }}
        >
          {action}
        </button>
      </header>
      {/* A frame that loads again knows nothing of what it was told. */}
      <iframe ref={frame} title={`Board: ${title}`} src={src} onLoad={() => cut && tell(true)} />
    </section>
  )
}

mount(<Split />)
