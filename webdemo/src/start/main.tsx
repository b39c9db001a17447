import { mount } from "../look/mount.ts"

mount(<main>start</main>)
