import type { Command } from '../../framework/command.ts'
import { mountCommands } from './mounts.ts'

/** `secrets …`. */
export const secretsCommands: readonly Command[] = mountCommands({
  word: 'secrets',
  api: 'sys/mounts',
  one: 'secrets engine',
  enabled: (type) => `the ${type} secrets engine`,
  enabling: () => 'enabling',
  tunePath: (path) => `sys/mounts/${path}tune`,
})
