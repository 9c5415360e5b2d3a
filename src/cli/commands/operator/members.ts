import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { showResponse } from '../../output/show.ts'
import { table, textOf } from '../../output/table.ts'

async function members(run: Run): Promise<number> {
  const body = await run.client.ask('nodes', 'GET', 'sys/ha-status')
  if (run.format !== 'table') return showResponse(run, body)
  const nodes = ((body['data'] ?? body) as { readonly nodes?: readonly Json[] }).nodes ?? []
  const rows = nodes.map((node) => [
    textOf(node['hostname']),
    textOf(node['api_address']),
    textOf(node['cluster_address']),
    textOf(node['active_node']),
    textOf(node['version']),
    textOf(node['last_echo']),
  ])
  run.out(`${table(['Host Name', 'API Address', 'Cluster Address', 'Active Node', 'Version', 'Last Echo'], rows)}\n`)
  return 0
}

async function versionHistory(run: Run): Promise<number> {
  const body = await run.client.ask('data', 'GET', 'sys/version-history', undefined, { query: { list: true } })
  if (run.format !== 'table') return showResponse(run, body)
  const { keys = [], key_info: info = {} } = (body['data'] ?? {}) as {
    readonly keys?: readonly string[]
    readonly key_info?: Readonly<Record<string, Json>>
  }
  const rows = keys.map((key) => [key, textOf(info[key]?.['timestamp_installed']), textOf(info[key]?.['build_date'])])
  run.out(`${table(['Version', 'Installation Time', 'Build Date'], rows)}\n`)
  return 0
}

/** `operator members`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator members',
    about: 'List the nodes of the cluster',
    args: [0, 0],
    shows: ['format'],
    doing: 'listing the members',
    run: members,
  },
]

/** `version-history`. */
export const historyCommands: readonly Command[] = [
  {
    name: 'version-history',
    about: 'List the releases that have used this storage',
    args: [0, 0],
    shows: ['format'],
    doing: 'listing the versions',
    run: versionHistory,
  },
]
