import { MainMenu } from "@excalidraw/excalidraw"
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types"
import { useRef } from "react"
import { type Place, pathOf } from "../link/link.ts"
import { newName } from "../link/names.ts"
import { ExportIcon, ImportIcon, NewIcon, SplitIcon } from "../look/icons.tsx"
import { getTheme, setTheme } from "../look/theme.ts"
import { exportScene } from "./export.ts"
import { importable, importFile } from "./import.ts"

interface MenuProps {
  place: Place
  /** Undefined until one can draw. */
  api: ExcalidrawImperativeAPI | undefined
  readOnly: boolean
}

/** The menu of the canvas. */
export function Menu({ place, api, readOnly }: MenuProps) {
  const input = useRef<HTMLInputElement>(null)
  const { SaveAsImage, SearchMenu, ClearCanvas, Help, ToggleTheme } = MainMenu.DefaultItems
  const take = (file: File | undefined) => {
    if (file && api) importFile(api, file)
  }
  return (
    <>
      <MainMenu>
        <SaveAsImage />
        <MainMenu.Item icon={<ExportIcon />} onSelect={() => api && exportScene(api)}>
          Export as a file
        </MainMenu.Item>
        {!readOnly && (
          <MainMenu.Item icon={<ImportIcon />} onSelect={() => input.current?.click()}>
            Import a file…
          </MainMenu.Item>
        )}
        <SearchMenu />
        {!readOnly && <ClearCanvas />}
        <MainMenu.Separator />
        <MainMenu.Item
          icon={<NewIcon />}
          onSelect={() => location.assign(pathOf({ kind: "board", name: newName() }))}
        >
          New board
        </MainMenu.Item>
        <MainMenu.ItemLink icon={<SplitIcon />} href={pathOf(place, "split")}>
          Two boards side by side
        </MainMenu.ItemLink>
        <MainMenu.Separator />
        <Help />
        <ToggleTheme
          allowSystemTheme={false}
          onSelect={() => setTheme(getTheme() === "dark" ? "light" : "dark")}
        />
      </MainMenu>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="Import an Excalidraw file"
        accept={importable}
        onChange={(event) => {
          take(event.target.files?.[0])
          event.target.value = "" // the same file may come again
        }}
      />
    </>
  )
}
