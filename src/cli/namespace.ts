import type { Json } from '../util/json.ts'
import type { Command, Run } from './command.ts'
import { orNothing } from './generic.ts'
import { dataRows, fieldOf } from './output.ts'
import { barePath } from './paths.ts'
import { showAnswer, showField, showKeys, showValue } from './show.ts'
import { cell, table } from './table.ts'
import { sorted } from './json.ts'

const pathOf = (run: Run): string => barePath(run.args[0] ?? '')
const dataOf = (body: Json | undefined): Json => (body?.['data'] ?? {}) as Json

/** Shows a namespace: its data alone, whatever the format. */
async function showNamespace(run: Run, body: Json | undefined): Promise<number> {
  const field = run.flags.text('field') ?? ''
  if (field !== '') return showField(run, fieldOf(body ?? {}, field), field)
  if (run.format === 'table') return showAnswer(run, body)
  await showValue(run, sorted(dataOf(body)))
  return 0
}

async function create(run: Run): Promise<number> {
  const metadata = run.flags.pairs('custom-metadata')
  const { body } = await run.client.send('POST', `sys/namespaces/${pathOf(run)}`, {
    ...(metadata && { custom_metadata: metadata }),
  })
  return showNamespace(run, body)
}

async function list(run: Run): Promise<number> {
  const answer = await orNothing(run.client.send('GET', 'sys/namespaces?list=true'))
  const { keys = [], key_info: info = {} } = dataOf(answer?.body) as {
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
  const answer = await orNothing(run.client.send('GET', `sys/namespaces/${pathOf(run)}`))
  if (answer) return showNamespace(run, answer.body)
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
    flags: { 'custom-metadata': { kind: 'pairs', about: 'A note, name=value; can be repeated.' } },
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
    name: 'namespace delete',
    about: 'Remove a namespace and everything in it',
    needs: 'namespaces',
    usage: 'PATH',
    args: [1, 1],
    doing: 'deleting namespace',
    run: remove,
  },
]
