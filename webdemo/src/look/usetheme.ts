import { useSyncExternalStore } from "react"
import { getTheme, onTheme, type Theme } from "./theme.ts"

/** The theme, for what React draws. */
export function useTheme(): Theme {
  return useSyncExternalStore(onTheme, getTheme)
}
