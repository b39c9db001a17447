// The start page: a new board or text at a click, and the way back to those that one was in.

import { mount } from "../look/mount.ts"
import { ThemeSwitch } from "../look/themeswitch.tsx"
import { Create } from "./create.tsx"
import { Open } from "./open.tsx"
import { Recents } from "./recents.tsx"
import "./start.css"

function Start() {
  const { host, protocol } = location
  return (
    <div className="start">
      <header>
        <span className="start-brand">
          <img src="/icon.svg" alt="" width="32" height="32" />
          Baton
        </span>
        <ThemeSwitch />
      </header>
      <main>
        <h1>Draw and write together</h1>
        <p className="start-what">
          Boards and texts for several people at once. Send the link of one, and whoever has it joins in;
          everything stays on this relay.
        </p>
        <Create />
        <Open />
        <Recents />
      </main>
      <footer>
        Programs talk to this relay at{" "}
        <code>
          {protocol === "https:" ? "wss" : "ws"}://{host}/v1/ws
        </code>
        , and see at <a href="/healthz">/healthz</a> whether it is up.
      </footer>
    </div>
  )
}

mount(<Start />)
