import { Component, type ReactNode } from "react"
import "./boundary.css"

interface BoundaryProps {
  /** What its children are, such as "The whiteboard". */
  what: string
  children: ReactNode
}

/** Takes the place of its children when one of them fails, says what happened, and leaves the rest of the page alone. */
export class Boundary extends Component<BoundaryProps, { error: Error | undefined }> {
  override state = { error: undefined }

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render(): ReactNode {
    const { what, children } = this.props
    const error = this.state.error as Error | undefined
    if (!error) return children
    return (
      <section className="failed" role="alert">
        <h2>{what} stopped</h2>
        <p>An error in the page stopped it. What you made until then is kept, and is still sent.</p>
        <p>
          <code>{error.message}</code>
        </p>
        <p>
          <button type="button" onClick={() => this.setState({ error: undefined })}>
            Show it again
          </button>
          <button type="button" onClick={() => location.reload()}>
            Load the page again
          </button>
        </p>
      </section>
    )
  }
}
