// The blocks of a preview in the page.

/** How long to work without letting the page do anything else, ms. */
const slice = 12

/** The blocks that an element shows. Those that stay the same are left alone: what is selected there stays so. */
export class Shown {
  #page: HTMLElement
  /** The HTML of the page's children, in order: those before the place where blocks are inserted, and those after it. */
  #before: string[] = []
  #after: string[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(page: HTMLElement) {
    this.#page = page
  }

  /** Puts these blocks in the place of those that are there, some at a time. */
  show(blocks: string[]): void {
    this.stop()
    const was = [...this.#before, ...this.#after]
    const most = Math.min(was.length, blocks.length)
    let start = 0
    while (start < most && was[start] === blocks[start]) start++
    let end = 0
    while (end < most - start && was.at(-1 - end) === blocks.at(-1 - end)) end++
    const task = document.activeElement?.getAttribute("data-task")
    this.#remove(start, was.length - end)
    this.#before = was.slice(0, start)
    this.#after = was.slice(was.length - end)
    this.#insert(blocks.slice(start, blocks.length - end))
    if (task && !document.activeElement?.hasAttribute("data-task")) {
      this.#page.querySelector<HTMLElement>(`[data-task="${CSS.escape(task)}"]`)?.focus()
    }
  }

  #remove(from: number, to: number): void {
    const [first, last] = [this.#page.children[from], this.#page.children[to - 1]]
    if (from === to || !first || !last) return
    const range = document.createRange()
    range.setStartBefore(first)
    range.setEndAfter(last)
    range.deleteContents()
  }

  /** Inserts blocks, and goes on later if there are many. */
  #insert(blocks: string[]): void {
    const began = performance.now()
    const next = this.#page.children[this.#before.length] ?? null
    for (const [i, block] of blocks.entries()) {
      if (performance.now() - began > slice) {
        this.#timer = setTimeout(() => this.#insert(blocks.slice(i)))
        return
      }
      const template = document.createElement("template")
      template.innerHTML = block
      this.#page.insertBefore(template.content, next)
      this.#before.push(block)
    }
  }

  /** Leaves the page as it is. */
  stop(): void {
    clearTimeout(this.#timer)
  }
}
