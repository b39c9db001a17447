// Excalidraw as this site serves it: what asks other hosts, and what only costs bytes, is left out when the site is
// built. Each change names the text that it takes the place of, and fails the build where that is not there any more.

import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import type { Plugin } from "vite"

const main = createRequire(import.meta.url).resolve("@excalidraw/excalidraw")
const fonts = join(dirname(main), "fonts")
const version: string = JSON.parse(readFileSync(join(dirname(main), "../../package.json"), "utf8")).version

/** Where the site keeps what Excalidraw loads by itself: the version is in it, for the names of fonts have none. */
export const assetPath = `assets/excalidraw-${version}/`

const stub = "\0excalidraw:"

/** Modules that are not needed, by name, and what stands for them. */
const stubs: Record<string, string> = {
  // 0.96 MB gzipped. What was pasted and is not understood stays text.
  mermaid: "export const parseMermaidToExcalidraw = () => Promise.reject(new Error('no mermaid here'))",
  locale: "export default {}",
  // 0.73 MB gzipped of WASM that cuts fonts to the glyphs of an exported SVG. Whole fonts go into it instead.
  "subset-shared":
    "export const Commands = { Subset: 'SUBSET' }\n" +
    "export const toBase64 = async (bytes) => { let s = ''; for (const b of new Uint8Array(bytes)) s += String.fromCharCode(b); return 'data:font/woff2;base64,' + btoa(s) }\n" +
    "export const subsetToBase64 = toBase64\n" +
    "export const subsetToBinary = (bytes) => bytes",
  "subset-worker": "export const WorkerUrl = undefined",
}

interface Patch {
  what: string
  find: RegExp
  replace: string
}

const patches: Patch[] = [
  {
    what: "fonts come from this host only, and not from the CDN that is the last resort",
    find: /`https:\/\/esm\.sh\/\$\{/,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    replace: "`${window.location.origin}/none/${",
  },
  {
    what: "the 209 files of the font for Chinese and Japanese, 12.7 MB: the system's is used",
    find: /"\.\/fonts\/Xiaolai\/[^"]+\.woff2"/g,
    replace: '"local:"',
  },
  {
    what: "a person has the colour that the site gives them, not a pale one by the hash of their id",
    find: /`hsl\(\$\{Math\.abs\((\w+)\((\w+)\?\.id\|\|(\w+)\)\)%37\*10\}, 100%, 83%\)`/,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    replace: "($2?.color?.background??`hsl(${Math.abs($1($3))%37*10}, 100%, 83%)`)",
  },
  {
    what: "fonts are not cut for an SVG, so no worker is tried for it, which would be logged as an error",
    find: /typeof Worker<"u"/,
    replace: "false",
  },
  {
    what: "a key that is pressed while the page loads does not bring back that it loads, when nothing is told any more",
    find: /return\{\.\.\.(\w+),\.\.\.(\w+),contextMenu:null,/,
    replace: "return{...$1,...$2,isLoading:$1.isLoading&&$2.isLoading!==!1,contextMenu:null,",
  },
  {
    what: "the button of the menu has a name",
    find: /"data-testid":"main-menu-trigger",/,
    replace: '"aria-label":"Menu","data-testid":"main-menu-trigger",',
  },
  {
    what: "the button that shows the zoom is called by what stands on it, and by what it does",
    find: /"aria-label":(\w+)\("buttons\.resetZoom"\),onClick:(.{1,40}?),children:\[\((\w+)\.zoom\.value\*100\)/,
    replace:
      '"aria-label":($3.zoom.value*100).toFixed(0)+"%, "+$1("buttons.resetZoom"),onClick:$2,children:[($3.zoom.value*100)',
  },
  {
    what: "the bar under the canvas is a part of it, and not the page's footer",
    find: /role:"contentinfo",/,
    replace: 'role:"group","aria-label":"View and history",',
  },
  {
    what: "the choice of colours is no dialog of its own, which would need a name",
    find: /role:"dialog","aria-modal":"true",className:"color-picker-container"/,
    replace: 'className:"color-picker-container"',
  },
  {
    what: "dragging takes the square of what is dragged, for each element makes a set of all: not if no arrow hangs on it",
    find: /=\((\w+),(\w+),(\w+)\)=>\{let\{newSize:(\w+),simultaneouslyUpdated:(\w+)\}=\3\?\?\{\},/,
    replace:
      "=($1,$2,$3)=>{if(!$1.boundElements?.length)return;let{newSize:$4,simultaneouslyUpdated:$5}=$3??{},",
  },
]

/** The plugin. */
export function excalidraw(): Plugin {
  const left = new Set(patches)
  return {
    name: "excalidraw",
    enforce: "pre",
    resolveId(id, importer) {
      if (id === "@excalidraw/mermaid-to-excalidraw") return `${stub}mermaid`
      if (!importer?.includes("@excalidraw/excalidraw/dist/")) return null
      if (/\/locales\/(?!en-|percentages)[\w-]+\.js$/.test(id)) return `${stub}locale`
      const chunk = /(subset-\w+)\.chunk\.js$/.exec(id)?.[1]
      return chunk ? stub + chunk : null
    },
    load(id) {
      return id.startsWith(stub) ? (stubs[id.slice(stub.length)] ?? null) : null
    },
    transform(code, id) {
      if (!id.includes("@excalidraw/excalidraw/dist/prod/")) return null
      let patched = code
      for (const patch of patches) {
        if (patched.search(patch.find) < 0) continue
        patched = patched.replace(patch.find, patch.replace)
        left.delete(patch)
      }
      return patched === code ? null : { code: patched, map: null }
    },
    buildEnd(error) {
      if (error) return
      for (const { what } of left)
        this.error(`this version of Excalidraw has no place for the change: ${what}`)
    },
    generateBundle(_, bundle) {
      for (const family of readdirSync(fonts)) {
        if (family === "Xiaolai" || family === "Assistant") continue // the latter comes by the style sheet
        for (const file of readdirSync(join(fonts, family))) {
          const source = readFileSync(join(fonts, family, file))
          this.emitFile({ type: "asset", fileName: `${assetPath}fonts/${family}/${file}`, source })
        }
      }
      for (const [name, chunk] of Object.entries(bundle)) {
        if (chunk.type === "chunk" && chunk.code.includes("https://esm.sh/"))
          this.error(`${name} asks esm.sh`)
      }
    },
  }
}
