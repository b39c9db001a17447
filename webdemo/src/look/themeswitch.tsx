import { DarkIcon, LightIcon } from "./icons.tsx"
import { setTheme } from "./theme.ts"
import "./themeswitch.css"
import { useTheme } from "./usetheme.ts"

/** A button between light and dark. */
export function ThemeSwitch() {
  const dark = useTheme() === "dark"
  return (
    <button
      type="button"
      className="themeswitch"
      aria-label="Dark"
      aria-pressed={dark}
      title={dark ? "Light" : "Dark"}
      onClick={() => setTheme(dark ? "light" : "dark")}
    >
      {dark ? <LightIcon /> : <DarkIcon />}
    </button>
  )
}
