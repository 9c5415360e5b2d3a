import { resolve } from 'node:path'

/** The program as users run it: bundled by `make build`. */
export const program = resolve('dist/main.js')
