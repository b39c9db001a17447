import type { TestContext } from "node:test"
import { type Site, type Visit, type Visitor, visit } from "./site.ts"

/** What the board's page shows of itself to tests. */
export interface DeskInPage {
  session: {
    connection: { pause(): void; resume(): void }
    board: {
      doc: {
        comments: Record<string, CommentInPage>
        elements: Record<string, unknown>
        files: Record<string, unknown>
      }
      change(make: (d: Record<string, unknown>) => void): unknown
      compact(): Promise<boolean>
      document: {
        name: string
        status: { state: string }
        saved: { pending: number }
        publish(name: string, data: unknown): void
      }
    }
  }
  api: {
    getAppState(): AppStateInPage
    getSceneElements(): ElementInPage[]
    updateScene(scene: object): void
  }
  scene: { settled: boolean }
}

export interface AppStateInPage {
  activeTool: { type: string }
  isLoading: boolean
  scrollX: number
  scrollY: number
  offsetLeft: number
  offsetTop: number
  zoom: { value: number }
}

export interface ElementInPage {
  id: string
  type: string
  x: number
  y: number
  width: number
  height: number
  isDeleted: boolean
  text?: string
}

export interface CommentInPage {
  x: number
  y: number
  resolved: boolean
  notes: Record<string, { text: string }>
}

declare global {
  interface Window {
    baton: DeskInPage | undefined
  }
}

/** Opens a board and waits until one can write on it, or read all of it. */
export async function visitBoard(
  t: TestContext,
  site: Site,
  name: string,
  options?: Visit,
): Promise<Visitor> {
  const visitor = await visit(t, site, `/board/${name}`, options)
  await atDesk(visitor)
  return visitor
}

/** Waits until the page that a visitor has is at the relay. */
export async function atDesk({ page }: Visitor): Promise<void> {
  await page.waitForFunction(() => {
    const state = window.baton?.session.board.document.status.state
    return state === "live" || state === "read-only"
  })
}

/** Calls a function in the page with what it has of the board. */
export function inPage<T, A>(
  { page }: Pick<Visitor, "page">,
  call: (desk: DeskInPage, arg: A) => T,
  arg?: A,
): Promise<T> {
  return page.evaluate(`(${call})(window.baton, ${JSON.stringify(arg)})`) as Promise<T>
}
