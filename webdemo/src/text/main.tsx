import { mount } from "../look/mount.ts"

mount(<main>text</main>)
