// Light or dark: as the system has it, until somebody chooses. Kept in the browser, for all pages.

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

/** Calls back on each change, until what it returns is called. */
export function onTheme(changed: () => void): () => void {
  listeners.add(changed)
  return () => void listeners.delete(changed)
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
