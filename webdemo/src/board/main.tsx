import "./assets.ts"
import { placeOf } from "../link/link.ts"
import { mount } from "../look/mount.ts"
import { BoardPage } from "./page.tsx"
import { enter } from "./session.ts"

const place = placeOf(location)
if (place) {
  document.title = `${place.name.replaceAll("-", " ")} · Baton`
  mount(<BoardPage place={place} entering={enter(place)} />)
} else {
  location.replace("/")
}
