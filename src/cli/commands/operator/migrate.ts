import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { showField, showValue } from '../../output/show.ts'

async function migrate(run: Run): Promise<number> {
  const file = run.flags.string('config') ?? ''
  if (file === '')
    throw new UsageError('-config=FILE is missing: a file with the blocks storage_source and storage_destination')
  const result = { ...(await run.migrate(file)) }
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, result[field as 'sha256'], field)
  if (run.format !== 'table') {
    await showValue(run, result)
    return 0
  }
  run.out(`Success! Copied ${result.records} records of revision ${result.revision}; SHA-256 ${result.sha256}\n`)
  run.err(
    'next: name the new storage in the configuration of the server and start it; never start one with the old storage again',
  )
  return 0
}

/** `operator migrate`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator migrate',
    about: 'Copy the storage of a stopped server to another storage, encrypted as it is',
    args: [0, 0],
    flags: { config: { kind: 'string', about: 'File with the blocks storage_source and storage_destination.' } },
    offline: true,
    shows: ['field', 'format'],
    run: migrate,
  },
]
