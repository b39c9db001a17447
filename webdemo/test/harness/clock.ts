import type { TestContext } from "node:test"

/** Time that passes when the test says so: `pass` runs the timers that come due. */
export function stopClock(t: TestContext): { pass(ms: number): void } {
  let now = 1000
  t.mock.timers.enable({ apis: ["setTimeout"] })
  t.mock.method(performance, "now", () => now)
  return {
    pass(ms) {
      now += ms
      t.mock.timers.tick(ms)
    },
  }
}
