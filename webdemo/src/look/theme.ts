// Light or dark: as the system has it, until somebody chooses. Kept in the browser, for all pages.

import { useSyncExternalStore } from "react"

export type Theme = "light" | "dark"

const key = "baton.theme"
const system = matchMedia("(prefers-color-scheme: dark)")
const listeners = new Set<() => void>()
let chosen = stored()

export function getTheme(): Theme {
  return chosen ?? (system.matches ? "dark" : "light")
}

export function setTheme(theme: Theme): void {
  if (theme === getTheme()) return
  chosen = theme
  try {
    localStorage.setItem(key, theme)
  } catch {
    // It holds for this page.
  }
  show()
}

export function useTheme(): Theme {
  return useSyncExternalStore((changed) => {
    listeners.add(changed)
    return () => listeners.delete(changed)
  }, getTheme)
}

function stored(): Theme | undefined {
  try {
    const theme = localStorage.getItem(key)
    return theme === "light" || theme === "dark" ? theme : undefined
  } catch {
    return undefined
  }
}

function show(): void {
  document.documentElement.dataset.theme = getTheme()
  for (const listener of listeners) listener()
}

system.addEventListener("change", show)
addEventListener("storage", (event) => {
  if (event.key !== key) return
  chosen = stored()
  show()
})
show()
