import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { binary, checkLog, ownEnvironment } from "./binary.ts"
import { until } from "./deadline.ts"

export type Right = "read" | "write" | "presence" | "compact" | "admin"

/** One entry of the token file; docs is by name or by pattern, with * at its end. */
export interface Token {
  token: string
  subject: string
  name?: string
  /** RFC 3339; left out for never. */
  expires?: string
  docs: Record<string, Right[]>
}

export interface RelayOptions {
  /** Left out: everyone may do everything. */
  tokens?: Token[]
  /** More flags, such as ["--heartbeat", "1s"]. */
  args?: string[]
  /** The data folder, which stays the caller's. Left out: a fresh one, removed at close. */
  dir?: string
  /** Left out: a free one. */
  port?: number
}

interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

interface Child {
  process: ChildProcess
  /** That we ended it. */
  told: boolean
  ended: Promise<unknown>
  exit?: Exit
}

/** Starts a relay on 127.0.0.1 and waits until it takes writes. The caller closes it. */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  const home = await mkdtemp(join(tmpdir(), "baton-js-"))
  const relay = new Relay(home, options)
  try {
    if (options.tokens) await relay.setTokens(options.tokens)
    await relay.start()
  } catch (err) {
    await relay.kill()
    await rm(home, { recursive: true })
    throw err
  }
  return relay
}

/** A relay, in a process of its own that does not outlive this one. */
export class Relay {
  /** The data folder. */
  readonly dir: string
  readonly #home: string
  readonly #options: RelayOptions
  #port: number
  #child: Child | undefined
  /** How the relay ended by itself, if it did. */
  #crash: Exit | undefined
  #stdout = ""
  #stderr = ""

  constructor(home: string, options: RelayOptions) {
    this.#home = home
    this.#options = options
    this.#port = options.port ?? 0
    this.dir = options.dir ?? join(home, "data")
  }

  get port(): number {
    return this.#port
  }

  /** http://127.0.0.1:PORT, the same after a restart. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** All that the relay has written to stderr, restarts included. */
  logs(): string {
    return this.#stderr
  }

  /** Starts the relay again, on the port and the data it had; it must have been stopped or killed. */
  async start(): Promise<void> {
    if (this.#child) throw new Error("the relay runs already")
    const child = this.#spawn(await binary())
    this.#child = child
    await until("the relay is ready", async () => {
      if (child.exit) return true
      this.#port ||= Number(/http:\/\/localhost:(\d+)/.exec(this.#stdout)?.[1] ?? 0)
      return this.#port > 0 && (await fetch(`${this.url}/readyz`)).ok
    })
    if (child.exit) throw new Error(this.#tell("did not come up", child.exit))
  }

  /** Stops with SIGTERM and waits. Throws if the relay ends otherwise than in peace. */
  async stop(): Promise<void> {
    const child = this.#child
    if (!child) throw new Error("the relay does not run")
    child.told = true
    child.process.kill("SIGTERM")
    await until("the relay has ended", () => child.exit, { timeout: 30_000 })
    this.#child = undefined
    if (child.exit?.code !== 0) throw new Error(this.#tell("did not stop in peace", child.exit))
  }

  /** Ends the relay with SIGKILL and waits. Nothing to do for one that does not run. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    child.told = true
    child.process.kill("SIGKILL")
    await child.ended
    this.#child = undefined
  }

  /** Stops the relay if it runs, and starts it on the same port and data. */
  async restart(): Promise<void> {
    if (this.#child) await this.stop()
    await this.start()
  }

  /** Replaces the token file at once; the relay takes it within a second. */
  async setTokens(tokens: Token[]): Promise<void> {
    if (!this.#options.tokens) throw new Error("the relay was started without tokens")
    await writeFile(`${this.#tokenFile}.new`, JSON.stringify({ tokens }))
    await rename(`${this.#tokenFile}.new`, this.#tokenFile)
  }

  /**
   * Kills what still runs, checks the log, and removes the folder. Throws if the
   * relay had ended by itself, or if the log is not whole.
   */
  async close(): Promise<void> {
    await this.kill()
    try {
      await checkLog(this.dir)
    } finally {
      await rm(this.#home, { recursive: true })
    }
    if (this.#crash) throw new Error(this.#tell("ended by itself", this.#crash))
  }

  get #tokenFile(): string {
    return join(this.#home, "tokens.json")
  }

  #spawn(path: string): Child {
    const args = ["--listen", `127.0.0.1:${this.#port}`, "--data", this.dir, ...(this.#options.args ?? [])]
    if (this.#options.tokens) args.push("--tokens", this.#tokenFile)
    const process = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"], env: ownEnvironment() })
    process.stdout.setEncoding("utf8").on("data", (text) => {
      this.#stdout += text
    })
    process.stderr.setEncoding("utf8").on("data", (text) => {
      this.#stderr += text
    })
    process.once("error", (err) => {
      this.#stderr += `${err}\n`
    })
    const ended = new Promise((resolve) => process.once("close", resolve))
    const child: Child = { process, told: false, ended }
    running.add(process)
    process.once("close", (code, signal) => {
      running.delete(process)
      child.exit = { code, signal }
      if (!child.told) this.#crash = child.exit
    })
    return child
  }

  #tell(what: string, exit: Exit | undefined): string {
    return `the relay ${what}: code ${exit?.code}, signal ${exit?.signal}\n${this.#stderr}`
  }
}

const running = new Set<ChildProcess>()

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})
// A signal that nobody handles would end this process without its "exit".
process.once("SIGINT", () => process.exit(130))
process.once("SIGTERM", () => process.exit(143))
process.once("SIGHUP", () => process.exit(129))
