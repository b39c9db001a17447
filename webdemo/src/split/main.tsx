import { mount } from "../look/mount.ts"

mount(<main>split</main>)
