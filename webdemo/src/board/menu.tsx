import { MainMenu } from "@excalidraw/excalidraw"
import type { Place } from "../link/link.ts"
import { pathOf } from "../link/link.ts"
import { getTheme, setTheme } from "../look/theme.ts"

/** The menu of the canvas. */
export function Menu({ place }: { place: Place }) {
  const { SaveAsImage, Export, SearchMenu, ClearCanvas, Help, ToggleTheme } = MainMenu.DefaultItems
  return (
    <MainMenu>
      <SaveAsImage />
      <Export />
      <SearchMenu />
      <ClearCanvas />
      <MainMenu.Separator />
      <MainMenu.ItemLink href={`${pathOf(place)}?split`}>Two boards side by side</MainMenu.ItemLink>
      <MainMenu.ItemLink href="/">All boards and texts</MainMenu.ItemLink>
      <MainMenu.Separator />
      <Help />
      <ToggleTheme
        allowSystemTheme={false}
        onSelect={() => setTheme(getTheme() === "dark" ? "light" : "dark")}
      />
    </MainMenu>
  )
}
