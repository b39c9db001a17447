import { fileURLToPath } from "node:url"

/** The folder client/js. Tests run compiled, from build/test. */
export const packageFolder = fileURLToPath(new URL("../../../", import.meta.url))

/** The folder of the whole project, which has the relay. */
export const projectFolder = fileURLToPath(new URL("../../../../../", import.meta.url))
