// Where Excalidraw finds its fonts. It looks when it is first imported, so this comes before.

declare const __EXCALIDRAW_ASSETS__: string

Object.assign(window, { EXCALIDRAW_ASSET_PATH: __EXCALIDRAW_ASSETS__ })

export {}
