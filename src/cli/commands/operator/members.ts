import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { table, textOf } from '../../output/table.ts'

async function members(run: Run): Promise<number> {
  const body = await run.client.ask('nodes', 'GET', 'sys/ha-status')
  const nodes = ((body['data'] ?? body) as { readonly nodes?: readonly Json[] }).nodes ?? []
  if (run.format !== 'table') {
    await showValue(run, { Nodes: nodes })
    return 0
  }
  const headings = ['Host Name', 'API Address', 'Cluster Address', 'Active Node', 'Version', 'Upgrade Version', 'Last Echo'] // prettier-ignore
  const names = ['hostname', 'api_address', 'cluster_address', 'active_node', 'version', 'upgrade_version', 'last_echo'] // prettier-ignore
  const rows = nodes.map((node) => names.map((name) => textOf(node[name]) || 'n/a'))
  run.out(`${table(headings, rows)}\n`)
  return 0
}

async function versionHistory(run: Run): Promise<number> {
  const body = await run.client.ask('data', 'GET', 'sys/version-history', undefined, { query: { list: true } })
  if (run.format !== 'table') return showResponse(run, body)
  const { keys = [], key_info: info = {} } = (body['data'] ?? {}) as {
    readonly keys?: readonly string[]
    readonly key_info?: Readonly<Record<string, Json>>
  }
  const rows = keys.map((key) => [
    key,
    textOf(info[key]?.['timestamp_installed']),
    textOf(info[key]?.['build_date'] ?? info[key]?.['commit_date']),
  ])
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
