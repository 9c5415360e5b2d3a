import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'
import { showField, showValue } from '../../output/show.ts'
import { bytesFrom } from '../../framework/streams.ts'

async function recover(run: Run): Promise<number> {
  const [file = '', path = ''] = run.args
  const { flags } = run
  const [to, version] = [flags.string('to'), flags.int('version')]
  if (to === '') throw new UsageError('-to is empty; leave it out to recover to the same path')
  if (version !== undefined && version < 1)
    throw new UsageError('-version takes the number of a version; leave it out for all versions')
  const query = {
    path,
    ...(to !== undefined && { to }),
    ...(version !== undefined && { version }),
    ...(flags.bool('force') && { force: true }),
  }
  const body = await run.client.sendFile('sha256', 'sys/storage/raft/snapshot-recover', bytesFrom(run, file), { query })
  const data = body['data'] as Json
  const field = flags.string('field') ?? ''
  if (field !== '') return showField(run, data[field], field)
  if (run.format !== 'table') await showValue(run, data)
  else {
    const where = data['from'] === data['to'] ? '' : ` to ${printable(String(data['to']))}`
    const how = data['replaced'] === true ? ', in place of what was there' : ''
    run.out(`Success! Recovered ${printable(String(data['from']))} as of ${printable(String(data['created']))}${where}${how}.\n`) // prettier-ignore
  }
  return 0
}

/** `operator snapshot recover`: Vault has no such command. */
export const recoverCommand: Command = {
  name: 'operator snapshot recover',
  about: 'Recover one secret or one key from a snapshot of this cluster; nothing else is changed',
  usage: 'FILE PATH',
  args: [2, 2],
  flags: {
    to: { kind: 'string', about: 'Where it goes: a path of the same kind, such as secret/data/app-old.' },
    version: { kind: 'int', about: 'Only this version of a secret, as its newest one.' },
    force: { kind: 'bool', about: 'Replace an existing secret or key.' },
  },
  shows: ['field', 'format'],
  doing: 'recovering from a snapshot',
  run: recover,
}
