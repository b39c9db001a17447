import type { ReactNode } from "react"
import "./header.css"

interface HeaderProps {
  /** What the document is called. */
  title: string
  children: ReactNode
}

/** The bar at the top of a document: where one is, and on the right what the page puts there. */
export function Header({ title, children }: HeaderProps) {
  return (
    <header className="header">
      <a className="header-home" href="/" title="All boards and texts" aria-label="Baton, start page">
        <img src="/icon.svg" alt="" width="26" height="26" />
      </a>
      <h1 title={title}>
        <span>{title}</span>
      </h1>
      {children}
    </header>
  )
}
