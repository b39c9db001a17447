import "./assets.ts"
import { isDoubtful, placeOf } from "../link/link.ts"
import { Nowhere } from "../link/nowhere.tsx"
import { mount } from "../look/mount.ts"
import { BoardPage } from "./page.tsx"
import { enter } from "./session.ts"

const place = placeOf(location)
if (place && !isDoubtful(location)) {
  document.title = `${place.name.replaceAll("-", " ")} · Baton`
  mount(<BoardPage place={place} entering={enter(place)} />)
} else {
  mount(<Nowhere kind="board" />)
}
