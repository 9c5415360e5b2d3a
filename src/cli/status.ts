import type { Command, Run } from './command.ts'
import { showValue } from './show.ts'
import { keyValues } from './table.ts'

type Body = Readonly<Record<string, unknown>>

/** Shows a seal status. */
export function showStatus(run: Run, status: Body): void {
  if (run.format !== 'table') return showValue(run, { ...inOrder(status), ha_enabled: false })
  const sealed = status['sealed'] === true
  const rows: (readonly [string, unknown])[] = [
    ['Seal Type', status['type']],
    ['Initialized', status['initialized']],
    ['Sealed', status['sealed']],
    ['Total Shares', status['n']],
    ['Threshold', status['t']],
    ...(sealed
      ? ([
          ['Unseal Progress', `${String(status['progress'])}/${String(status['t'])}`],
          ['Unseal Nonce', status['nonce']],
        ] as const)
      : []),
    ['Version', status['version']],
    ['Build Date', status['commit_date']],
    ['Storage Type', status['storage_type']],
    ...(status['cluster_name']
      ? ([
          ['Cluster Name', status['cluster_name']],
          ['Cluster ID', status['cluster_id']],
        ] as const)
      : []),
    ['HA Enabled', 'false'],
  ]
  run.out(`${keyValues(rows)}\n`)
}

const order = [
  'type',
  'initialized',
  'sealed',
  't',
  'n',
  'progress',
  'nonce',
  'version',
  'commit_date',
  'migration',
  'cluster_name',
  'cluster_id',
  'recovery_seal',
  'storage_type',
]

function inOrder(status: Body): Body {
  return Object.fromEntries(order.filter((name) => name in status).map((name) => [name, status[name]]))
}

/** `status`: 0 open, 2 sealed, 1 not to be asked. */
export const statusCommands: readonly Command[] = [
  {
    name: 'status',
    about: 'Whether the server is sealed; the exit status is 0 when open, 2 when sealed, 1 on an error',
    args: [0, 0],
    run: async (run) => {
      if (run.format === 'raw') {
        run.err('the format raw is for read only')
        return 1
      }
      const { status, body } = await run.client.ask('GET', 'sys/seal-status').catch((thrown: unknown) => {
        run.err(`Error checking seal status: ${thrown instanceof Error ? thrown.message : ''}`)
        return { status: 0, body: undefined }
      })
      if (status !== 200 || !body) return 1
      showStatus(run, body)
      return body['sealed'] === true ? 2 : 0
    },
  },
]
