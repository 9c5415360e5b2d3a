import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { Fault } from '../../../contract/fault.ts'
import { unsealing } from '../../../snapshot/meta.ts'
import { readSnapshot } from '../../../snapshot/read.ts'
import type { ReadSnapshot } from '../../../snapshot/read.ts'
import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'
import { UsageError } from '../../framework/flags.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { bytesFrom, outputTo } from '../../framework/streams.ts'
import { printable } from '../../output/printable.ts'
import { showField, showValue } from '../../output/show.ts'
import { keyValues } from '../../output/table.ts'
import { recoverCommand } from './snapshot-recover.ts'

const route = 'sys/storage/raft/snapshot'

async function save(run: Run): Promise<number> {
  const [path = ''] = run.args
  const output = outputTo(run, path, run.flags.bool('force'))
  let read: ReadSnapshot | undefined
  const stream = checked(await run.client.receiveFile(route), (found) => (read = found))
  await output.write(stream)
  if (read && path !== '-') run.out(`Success! Saved ${read.meta.records} records of revision ${read.meta.revision}: ${path}\n`) // prettier-ignore
  return 0
}

/** Passes a snapshot on, and fails at its end unless all of it has come: then the file does not get its name. */
async function* checked(
  stream: AsyncIterable<Uint8Array>,
  done: (read: ReadSnapshot) => void,
): AsyncGenerator<Uint8Array> {
  const copy = new PassThrough()
  const reading = readSnapshot(copy)
  const over = reading.catch(() => {})
  for await (const part of stream) {
    if (!copy.write(part)) await Promise.race([once(copy, 'drain'), over])
    yield part
  }
  copy.end()
  done(await reading.catch(incomplete))
}

async function inspect(run: Run): Promise<number> {
  const [path = ''] = run.args
  const { meta, sha256 } = await readSnapshot(bytesFrom(run, path)).catch(notASnapshot)
  const { seal, audit_heads: heads, ...told } = meta
  const { type: seal_type, seals = [], shares, threshold } = seal
  const shown = { ...told, seal_type, seals, shares, threshold, sha256 }
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, { ...shown, audit_heads: heads }[field as 'sha256'], field)
  if (run.format !== 'table') {
    await showValue(run, { ...shown, audit_heads: heads })
    return 0
  }
  const rows: readonly (readonly [string, string | number])[] = [
    ['Created', told.created],
    ['Release', told.release],
    ['Cluster Name', told.cluster_name],
    ['Cluster ID', told.cluster_id],
    ['Revision', told.revision],
    ['Records', told.records],
    ['Bytes', told.bytes],
    ['SHA-256', sha256],
    ['After A Restore', unsealing(seal)],
    ...Object.entries(heads).map(([device, head]) => [`Audit Head ${device}`, head] as const),
  ]
  run.out(`${keyValues(rows.map(([key, value]) => [printable(key), printable(String(value))]))}\n`)
  run.err('Only a server of this cluster can tell whether it made the snapshot: strongroom operator snapshot verify')
  return 0
}

async function verify(run: Run): Promise<number> {
  const [path = ''] = run.args
  const body = await run.client.sendFile('sha256', `${route}-verify`, bytesFrom(run, path))
  const data = body['data'] as Json
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, data[field], field)
  if (run.format !== 'table') await showValue(run, data)
  else {
    const keys = data['seal_type'] === 'auto' ? 'seals' : 'shares'
    const how = data['present_shares'] === true ? `the present ${keys}` : `other ${keys} than the present ones`
    run.out(`Intact: ${String(data['records'])} records of ${printable(String(data['created']))}, all of this cluster; ${how} unseal it.\n`) // prettier-ignore
  }
  return 0
}

async function restore(run: Run): Promise<number> {
  const [path = ''] = run.args
  const query = run.flags.bool('revoke-tokens') ? { revoke_tokens: true } : {}
  const where = run.flags.bool('force') ? `${route}-force` : route
  const body = await run.client.sendFile('sha256', where, bytesFrom(run, path), { query })
  const data = body['data'] as Json
  if (run.format !== 'table') {
    await showValue(run, data)
    return 0
  }
  run.out(`Success! Restored the snapshot of ${printable(String(data['created']))}; the server is sealed.\n`)
  if (typeof data['next'] === 'string') run.err(`next: ${printable(data['next'])}`)
  return 0
}

function incomplete(thrown: unknown): never {
  if (thrown instanceof Fault) throw new ServerError(`what the server sent is no snapshot: ${thrown.message}`)
  throw thrown
}

function notASnapshot(thrown: unknown): never {
  if (thrown instanceof Fault && thrown.code === 'invalid_request') throw new UsageError(thrown.message)
  throw thrown
}

const force = (about: string): FlagTable => ({ force: { kind: 'bool', about } })

/** The same commands under Vault's name, for scripts. */
function named(name: string): readonly Command[] {
  return [
    {
      name: `${name} save`,
      about: 'Save a snapshot of everything, encrypted, to a file or "-" for standard output',
      usage: 'FILE',
      args: [1, 1],
      flags: force('Replace a file that exists.'),
      doing: 'saving a snapshot',
      run: save,
    },
    {
      name: `${name} inspect`,
      about: 'Show the origin of a snapshot, and check that it is complete',
      usage: 'FILE',
      args: [1, 1],
      offline: true,
      shows: ['field', 'format'],
      run: inspect,
    },
    {
      name: `${name} verify`,
      about: 'Check a snapshot on the server that saved it: seal, sums, and that every record decrypts',
      usage: 'FILE',
      args: [1, 1],
      shows: ['field', 'format'],
      doing: 'verifying a snapshot',
      run: verify,
    },
    {
      name: `${name} restore`,
      about: 'Restore a snapshot; the server is sealed afterwards. An uninitialised server needs no token',
      usage: 'FILE',
      args: [1, 1],
      flags: {
        ...force('Also restore a snapshot of another cluster, or of this one under other key shares.'),
        'revoke-tokens': { kind: 'bool', about: 'Revoke all tokens of the snapshot at the first unseal.' },
      },
      shows: ['format'],
      doing: 'restoring a snapshot',
      run: restore,
    },
  ]
}

/** `operator snapshot …`, and as Vault calls it, `operator raft snapshot …`. */
export const operatorCommands: readonly Command[] = [
  ...named('operator snapshot'),
  recoverCommand,
  ...named('operator raft snapshot'),
]
