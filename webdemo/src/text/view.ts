// What one sees of a text: the editor, the preview, or both. Kept in the browser.

import { useState, useSyncExternalStore } from "react"

export type View = "edit" | "both" | "preview"

const all: View[] = ["edit", "both", "preview"]
const key = "baton.text.view"

/** Whether there is room for both. */
const wide = matchMedia("(min-width: 56rem)")

/** The view, those there is room for, and how to choose another. */
export function useView(): { view: View; views: View[]; choose: (view: View) => void } {
  const both = useSyncExternalStore(onWide, () => wide.matches)
  const [chosen, setChosen] = useState<View>(() => stored() ?? "both")
  const views = both ? all : all.filter((view) => view !== "both")
  const choose = (view: View) => {
    setChosen(view)
    try {
      localStorage.setItem(key, view)
    } catch {
      // It holds for this page.
    }
  }
  return { view: views.includes(chosen) ? chosen : "edit", views, choose }
}

function onWide(changed: () => void): () => void {
  wide.addEventListener("change", changed)
  return () => wide.removeEventListener("change", changed)
}

function stored(): View | undefined {
  try {
    return all.find((view) => view === localStorage.getItem(key))
  } catch {
    return undefined
  }
}
