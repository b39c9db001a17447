import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import type { Readable } from "node:stream"
import { firefox } from "playwright-core"
import { Builder } from "selenium-webdriver"
import { ownEnvironment } from "../../../client/js/test/harness/binary.ts"
import { until } from "../../../client/js/test/harness/deadline.ts"

/** One tab of a browser, with a fresh profile: what all browsers' drivers can do alike. */
export interface Tab {
  open(url: string): Promise<void>
  reload(): Promise<void>
  /** Calls a function in the page. It may use nothing but what the page has. */
  run<T>(call: () => T | Promise<T>): Promise<T>
  /** Types at the keyboard, with a press of each key. */
  type(text: string): Promise<void>
  /** Presses the mouse at one place of the page, and releases it at another. */
  drag(from: [number, number], to: [number, number]): Promise<void>
  /** Ends the browser. */
  close(): Promise<void>
}

/** Starts Debian's Firefox, without a window. Playwright drives it by WebDriver BiDi. */
export async function startFirefox(): Promise<Tab> {
  const browser = await firefox.launch({
    channel: "moz-firefox",
    executablePath: process.env.FIREFOX || "/usr/bin/firefox-esr",
  })
  const page = await browser.newPage()
  return {
    open: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    run: (call) => page.evaluate(call),
    type: (text) => page.keyboard.type(text),
    async drag(from, to) {
      await page.mouse.move(...from)
      await page.mouse.down()
      await page.mouse.move(...to)
      await page.mouse.up()
    },
    close: () => browser.close(),
  }
}

/** Starts WebKitGTK's MiniBrowser on a screen that nobody sees. Selenium drives it by WebDriver. */
export async function startWebKit(): Promise<Tab> {
  const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  })
  const [display] = await once(screen.stdio[3] as Readable, "data")
  const env = { ...ownEnvironment(), DISPLAY: `:${String(display).trim()}` }
  const port = await freePort()
  const service = spawn("WebKitWebDriver", [`--port=${port}`], { env, stdio: "ignore" })
  const server = `http://127.0.0.1:${port}`
  await until("WebKitWebDriver answers", async () => (await fetch(`${server}/status`)).ok)
  const driver = await new Builder()
    .usingServer(server)
    .withCapabilities({ browserName: "MiniBrowser" })
    .build()
  return {
    open: (url) => driver.get(url),
    reload: () => driver.navigate().refresh(),
    run: (call) => driver.executeScript(`return (${call})()`),
    type: (text) => driver.actions().sendKeys(text).perform(),
    drag: ([x, y], [toX, toY]) =>
      driver.actions().move({ x, y }).press().move({ x: toX, y: toY, duration: 100 }).release().perform(),
    async close() {
      await driver.quit()
      await Promise.all([end(service), end(screen)])
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

async function end(process: ChildProcess): Promise<void> {
  const ended = once(process, "exit")
  process.kill()
  await ended
}
