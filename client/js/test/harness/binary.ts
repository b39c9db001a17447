import { execFile } from "node:child_process"
import { copyFile, mkdir, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { packageFolder, projectFolder } from "./place.ts"

const run = promisify(execFile)

const built = new Map<string, Promise<string>>()

/** The path of the relay's binary: BATON_BIN, or one built of this tree, once per process. */
export function binary(): Promise<string> {
  const given = process.env.BATON_BIN
  return given ? Promise.resolve(given) : buildOnce("baton", { CGO_ENABLED: "0" })
}

/** Runs baton-snapshot, built of this tree, to its end; returns what it prints. */
export async function snapshotTool(...args: string[]): Promise<string> {
  const { stdout } = await run(await buildOnce("baton-snapshot"), args, { env: ownEnvironment() })
  return stdout
}

function buildOnce(command: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const path = built.get(command) ?? build(command, env)
  built.set(command, path)
  return path
}

/** Builds under another name and renames, for several test files may do so at once. */
async function build(command: string, env: NodeJS.ProcessEnv): Promise<string> {
  const path = join(packageFolder, "build", command)
  const ours = `${path}.${process.pid}`
  await mkdir(dirname(path), { recursive: true })
  try {
    // Go does not link again what is up to date.
    await copyFile(path, ours).catch(() => {})
    await run("go", ["build", "-o", ours, `./cmd/${command}`], {
      cwd: projectFolder,
      env: { ...process.env, ...env },
    })
    await rename(ours, path)
  } finally {
    await rm(ours, { force: true })
  }
  return path
}

/**
 * Reads the whole log in folder dir, on which no relay may be running. Throws
 * what baton check prints if the log is not whole.
 */
export async function checkLog(dir: string): Promise<void> {
  await run(await binary(), ["check", "--data", dir], { env: ownEnvironment() }).catch((err) => {
    throw new Error(`baton check --data ${dir}: ${err.stdout}${err.stderr}`, { cause: err })
  })
}

/** The environment without BATON_…, which would set the relay's flags. */
export function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BATON_")))
}
