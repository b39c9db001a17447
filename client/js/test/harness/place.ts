import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of the whole project, which has the relay. Tests run compiled, from some folder in it. */
export const projectFolder = above(dirname(fileURLToPath(import.meta.url)))

/** The folder client/js. */
export const packageFolder = join(projectFolder, "client", "js")

function above(folder: string): string {
  return existsSync(join(folder, "go.mod")) ? folder : above(dirname(folder))
}
