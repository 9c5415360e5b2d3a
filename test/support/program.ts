import { resolve } from 'node:path'
import { temporaryFolder } from './folder.ts'

/** The program as users run it: bundled by `make build`. */
export const program = resolve('dist/main.js')

// Commands store tokens in the home folder (`login`, `server -dev`). Whoever starts the program inherits this one.
process.env['HOME'] = temporaryFolder()
