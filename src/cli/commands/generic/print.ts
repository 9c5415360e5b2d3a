import { product } from '../../../util/version.ts'
import type { Command } from '../../framework/command.ts'

/** `print token`, `version`. */
export const printCommands: readonly Command[] = [
  {
    name: 'print token',
    about: 'Print the token in use: from the environment, or stored by login',
    args: [0, 0],
    offline: true,
    run: async (run) => {
      run.out(`${run.environment.token()}\n`)
      return 0
    },
  },
  {
    name: 'version',
    about: 'Print the version',
    args: [0, 0],
    offline: true,
    run: async (run) => {
      run.out(`${product.name} v${product.release} (API level ${product.version})\n`)
      return 0
    },
  },
]
