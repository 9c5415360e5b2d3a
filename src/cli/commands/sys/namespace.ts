import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { orNothing } from '../generic/generic.ts'
import { dataRows, fieldOf } from '../../output/format.ts'
import { barePath } from '../../http/paths.ts'
import { UsageError } from '../../framework/flags.ts'
import { showResponse, showField, showKeys, showValue, showWarnings } from '../../output/show.ts'
import { cell, table } from '../../output/table.ts'
import { sorted } from '../../output/json.ts'

const pathOf = (run: Run): string => barePath(run.args[0] ?? '')
const dataOf = (body: Json | undefined): Json => (body?.['data'] ?? {}) as Json

/** Shows a namespace: only its data, in every format. */
async function showNamespace(run: Run, body: Json): Promise<number> {
  const field = run.flags.string('field') ?? ''
  if (field !== '') return showField(run, fieldOf(body, field), field)
  if (run.format === 'table' || body['wrap_info']) return showResponse(run, body)
  await showValue(run, sorted(dataOf(body)))
  return 0
}

async function create(run: Run): Promise<number> {
  const metadata = run.flags.pairs('custom-metadata')
  const body = await run.client.ask('data', 'POST', `sys/namespaces/${pathOf(run)}`, {
    ...(metadata && { custom_metadata: metadata }),
  })
  return showNamespace(run, body)
}

async function patch(run: Run): Promise<number> {
  const set = run.flags.pairs('custom-metadata') ?? {}
  const removed = run.flags.strings('remove-custom-metadata')
  if (Object.keys(set).length === 0 && removed.length === 0)
    throw new UsageError('Must supply at least one of -custom-metadata or -remove-custom-metadata')
  const change = { ...set, ...Object.fromEntries(removed.map((name) => [name, null])) }
  const pending = run.client.ask('data', 'PATCH', `sys/namespaces/${pathOf(run)}`, { custom_metadata: change })
  const response = await orNothing(run, pending)
  if (response) return showNamespace(run, response)
  run.err('Namespace not found')
  return 2
}

async function lock(run: Run): Promise<number> {
  const body = await run.client.ask('unlock_key', 'POST', lockPath(run, 'lock'))
  if (body['wrap_info']) return showResponse(run, body)
  const data = dataOf(body)
  if (run.format !== 'table') {
    await showValue(run, data)
    return 0
  }
  run.out(`Unlock Key: ${cell(data['unlock_key'])}\n`)
  run.err(
    'The namespace and its child namespaces are locked. Store this key: it unlocks the namespace and is shown only once. Without it, unlocking needs the sudo capability.',
  )
  return 0
}

async function unlock(run: Run): Promise<number> {
  const { body } = await run.client.send('POST', lockPath(run, 'unlock'), {
    unlock_key: run.flags.string('unlock-key') ?? '',
  })
  if (body) showWarnings(run, body)
  else run.out('Namespace unlocked successfully!\n')
  return 0
}

const lockPath = (run: Run, verb: 'lock' | 'unlock'): string =>
  ['sys/namespaces/api-lock', verb, pathOf(run)].filter((part) => part !== '').join('/')

const list = async (run: Run): Promise<number> => listed(run, { list: true })

const scan = async (run: Run): Promise<number> => listed(run, { scan: true })

async function listed(run: Run, query: Json): Promise<number> {
  const response = await orNothing(run, run.client.ask('data', 'GET', 'sys/namespaces', undefined, { query }))
  if (response?.['wrap_info']) return showResponse(run, response)
  const { keys = [], key_info: info = {} } = dataOf(response) as {
    readonly keys?: readonly string[]
    readonly key_info?: Readonly<Record<string, Json>>
  }
  if (keys.length === 0) {
    if (run.format === 'table') run.err('No namespaces found')
    else await showValue(run, {})
    return 2
  }
  if (!run.flags.bool('detailed')) return showKeys(run, keys)
  if (run.format === 'table') run.out(`${details(keys, info)}\n`)
  else await showValue(run, sorted(info))
  return 0
}

function details(keys: readonly string[], info: Readonly<Record<string, Json>>): string {
  const names = dataRows(info[keys[0] ?? ''] ?? {}).map(([name]) => name)
  return table(
    ['Keys', ...names],
    keys.map((key) => [key, ...names.map((name) => cell(info[key]?.[name]))]),
  )
}

async function lookup(run: Run): Promise<number> {
  const response = await orNothing(run, run.client.ask('data', 'GET', `sys/namespaces/${pathOf(run)}`))
  if (response) return showNamespace(run, response)
  run.err('Namespace not found')
  return 2
}

async function remove(run: Run): Promise<number> {
  const { body } = await run.client.send('DELETE', `sys/namespaces/${pathOf(run)}`)
  if (dataOf(body)['status'] === 'in-progress' || body === undefined)
    run.out(`Success! Namespace deletion scheduled: ${pathOf(run)}/\n`)
  else run.err('Requested namespace does not exist')
  return 0
}

/** `namespace …`. */
export const namespaceCommands: readonly Command[] = [
  {
    name: 'namespace create',
    about: 'Create a namespace',
    needs: 'namespaces',
    usage: 'PATH',
    args: [1, 1],
    flags: { 'custom-metadata': { kind: 'pairs', about: 'Custom metadata; can be repeated.' } },
    shows: ['field', 'format'],
    doing: 'creating namespace',
    run: create,
  },
  {
    name: 'namespace list',
    about: 'List the namespaces inside this one',
    needs: 'namespaces',
    args: [0, 0],
    shows: ['format', 'detailed'],
    doing: 'listing namespaces',
    run: list,
  },
  {
    name: 'namespace scan',
    about: 'List all namespaces below this one',
    needs: 'namespaces',
    args: [0, 0],
    shows: ['format', 'detailed'],
    doing: 'scanning namespaces',
    run: scan,
  },
  {
    name: 'namespace lookup',
    about: 'Show a namespace',
    needs: 'namespaces',
    usage: 'PATH',
    args: [1, 1],
    shows: ['format'],
    doing: 'looking up namespace',
    run: lookup,
  },
  {
    name: 'namespace patch',
    about: 'Change the custom metadata of a namespace',
    needs: 'namespaces',
    usage: 'PATH',
    args: [1, 1],
    flags: {
      'custom-metadata': { kind: 'pairs', about: 'Custom metadata to set; can be repeated.' },
      'remove-custom-metadata': { kind: 'strings', about: 'The name of custom metadata to remove; can be repeated.' },
    },
    shows: ['field', 'format'],
    doing: 'patching namespace',
    run: patch,
  },
  {
    name: 'namespace delete',
    about: 'Delete a namespace and everything in it',
    needs: 'namespaces',
    usage: 'PATH',
    args: [1, 1],
    doing: 'deleting namespace',
    run: remove,
  },
  {
    name: 'namespace lock',
    about: 'Lock a namespace and its child namespaces for all requests',
    needs: 'namespaces',
    usage: '[PATH]',
    args: [0, 1],
    shows: ['format'],
    doing: 'locking namespace',
    run: lock,
  },
  {
    name: 'namespace unlock',
    about: 'Unlock a locked namespace, with -unlock-key or the sudo capability',
    needs: 'namespaces',
    usage: '[PATH]',
    args: [0, 1],
    shows: ['format'],
    doing: 'unlocking namespace',
    run: unlock,
  },
]
