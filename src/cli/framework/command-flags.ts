import type { Command } from './command.ts'
import { connectionFlags } from '../http/connection.ts'
import type { FlagTable } from './flags.ts'

/** All flags of a command: its own, those of its output, and those of the connection. */
export function flagsOf(command: Command): FlagTable {
  const shows = command.shows ?? []
  return {
    ...command.flags,
    ...(shows.includes('field') && { field: { kind: 'string', about: 'Print only this field.', mayBeEmpty: true } }),
    ...(shows.includes('format') && {
      format: {
        kind: 'string',
        about: `table, json, yaml${shows.includes('raw') ? ' or raw' : ''} (VAULT_FORMAT).`,
        mayBeEmpty: true,
      },
    }),
    ...(shows.includes('detailed') && { detailed: { kind: 'bool', about: 'Show more columns.' } }),
    ...(!command.offline && connectionFlags),
  }
}
