import { createElement, type ReactNode } from "react"
import { createRoot } from "react-dom/client"
import { followAddress } from "../link/follow.ts"
import { Boundary } from "./boundary.tsx"
import "./look.css"
import "./theme.ts"

/** Shows a page, and lets the browser keep the site for when there is no network. */
export function mount(page: ReactNode): void {
  followAddress()
  const root = createRoot(document.getElementById("root") as HTMLElement)
  root.render(createElement(Boundary, { what: "This page", children: page }))
  if (!("serviceWorker" in navigator)) return // no secure context
  // The page comes first: what the worker fetches would be in its way.
  const register = () => navigator.serviceWorker.register("/sw.js").catch(() => {})
  if (document.readyState === "complete") setTimeout(register, 2000)
  else addEventListener("load", () => setTimeout(register, 2000))
}
