import type { ReactNode } from "react"
import "./header.css"

interface HeaderProps {
  /** The document's name. */
  name: string
  children: ReactNode
}

/** The bar at the top of a document: where one is, and on the right what the page puts there. */
export function Header({ name, children }: HeaderProps) {
  return (
    <header className="header">
      <a
        href="/"
        className="header-home"
        title="All boards and texts"
        aria-label="Baton: all boards and texts"
      >
        <img src="/icon.svg" alt="" width="28" height="28" />
      </a>
      <h1 title={name}>{name.replaceAll("-", " ")}</h1>
      <div className="header-tools">{children}</div>
    </header>
  )
}
