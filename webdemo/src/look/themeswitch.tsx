import { setTheme, useTheme } from "./theme.ts"
import "./themeswitch.css"

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
      <svg viewBox="0 0 24 24" aria-hidden="true">
        {dark ? (
          <path d="M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10ZM12 1v3M12 20v3M1 12h3M20 12h3M4.2 4.2l2.1 2.1M17.7 17.7l2.1 2.1M4.2 19.8l2.1-2.1M17.7 6.3l2.1-2.1" />
        ) : (
          <path d="M20.5 14.5A8.5 8.5 0 0 1 9.5 3.5a8.5 8.5 0 1 0 11 11Z" />
        )}
      </svg>
    </button>
  )
}
