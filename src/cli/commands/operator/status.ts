import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { showValue } from '../../output/show.ts'
import { keyValues } from '../../output/table.ts'

const order = [
  'type',
  'initialized',
  'sealed',
  't',
  'n',
  'progress',
  'nonce',
  'version',
  'strongroom_release',
  'commit_date',
  'build_date',
  'migration',
  'cluster_name',
  'cluster_id',
  'recovery_seal',
  'storage_type',
  'audit_heads',
]

/** Shows a seal status, with the response of `sys/leader` if it is known. */
export async function showStatus(run: Run, seal: Json, leader: Json = {}): Promise<void> {
  const highlyAvailable = leader['ha_enabled'] === true
  if (run.format !== 'table') {
    // Vault's clients print this member even where the server has none.
    const complete: Json = { build_date: '', ...seal }
    const entries = order.filter((name) => complete[name] !== undefined).map((name) => [name, complete[name]])
    await showValue(run, { ...Object.fromEntries(entries), ha_enabled: highlyAvailable })
    return
  }
  const [sealed, isAuto] = [seal['sealed'] === true, seal['recovery_seal'] === true]
  const rows: (readonly [string, unknown])[] = [
    ['Seal Type', seal['type']],
    ...(isAuto ? [['Recovery Seal Type', seal['recovery_seal_type']] as const] : []),
    ['Initialized', seal['initialized']],
    ['Sealed', seal['sealed']],
    [isAuto ? 'Total Recovery Shares' : 'Total Shares', seal['n']],
    ['Threshold', seal['t']],
  ]
  if (sealed)
    rows.push(['Unseal Progress', `${String(seal['progress'])}/${String(seal['t'])}`], ['Unseal Nonce', seal['nonce']])
  if (seal['migration'] === true) rows.push(['Seal Migration in Progress', true])
  rows.push(['Version', versionOf(seal)], ['Storage Type', seal['storage_type']])
  if (seal['cluster_name']) rows.push(['Cluster Name', seal['cluster_name']], ['Cluster ID', seal['cluster_id']])
  for (const [device, head] of Object.entries((seal['audit_heads'] ?? {}) as Readonly<Record<string, string>>))
    rows.push([`Audit Head ${device}`, head])
  rows.push(['HA Enabled', highlyAvailable])
  if (highlyAvailable)
    rows.push(
      ['HA Cluster', leader['leader_cluster_address'] || 'n/a'],
      ['HA Mode', sealed ? 'sealed' : leader['is_self'] === true ? 'active' : 'standby'],
      ['Active Node Address', leader['leader_address'] || '<none>'],
    )
  run.out(`${keyValues(rows)}\n`)
}

/** The API level, and the server's own release where it has one. */
const versionOf = ({ version, strongroom_release: release }: Json): unknown =>
  typeof release === 'string' ? `${String(version)} (strongroom ${release})` : version

async function status(run: Run): Promise<number> {
  try {
    const body = await run.client.ask('sealed', 'GET', 'sys/seal-status')
    const sealed = body['sealed'] === true
    const leader = sealed ? {} : await run.client.ask('ha_enabled', 'GET', 'sys/leader')
    await showStatus(run, body, leader)
    return sealed ? 2 : 0
  } catch (thrown) {
    if (!(thrown instanceof ServerError)) throw thrown
    // 2 would mean "sealed".
    run.err(`Error checking seal status: ${thrown.message}`)
    return 1
  }
}

/** `status`. */
export const statusCommands: readonly Command[] = [
  {
    name: 'status',
    about: 'Show the seal status; exit status 0 unsealed, 2 sealed, 1 error',
    args: [0, 0],
    shows: ['format'],
    run: status,
  },
]
