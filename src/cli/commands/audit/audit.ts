import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { sorted } from '../../output/json.ts'
import { mountPath } from '../../http/paths.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { table } from '../../output/table.ts'

interface Device {
  readonly type: string
  readonly description: string
  readonly local: boolean
  readonly options: ReadonlyMap<string, string>
}

async function list(run: Run): Promise<number> {
  const body = await run.client.ask('data', 'GET', 'sys/audit')
  if (body['wrap_info']) return showResponse(run, body)
  const devices = [...(sorted(body['data'] ?? {}) as Map<string, Map<string, unknown>>)].map(
    ([path, device]) => [path, Object.fromEntries(device) as unknown as Device] as const,
  )
  if (run.format !== 'table') {
    const rows = devices.map(
      ([path, { type, description, options, local }]) => [path, { type, description, options, local, path }] as const,
    )
    await showValue(run, new Map(rows))
    return 0
  }
  if (devices.length === 0) {
    run.out('No audit devices are enabled.\n')
    return 2
  }
  const detailed = run.flags.bool('detailed')
  const headings = ['Path', 'Type', 'Description', ...(detailed ? ['Replication', 'Options'] : [])]
  const rows = devices.map(([path, device]) => [
    path,
    device.type,
    device.description,
    ...(detailed ? [device.local ? 'local' : 'replicated', optionsText(device)] : []),
  ])
  run.out(`${table(headings, rows)}\n`)
  return 0
}

const optionsText = ({ options }: Device): string => [...options].map(([name, value]) => `${name}=${value}`).join(' ')

async function enable(run: Run): Promise<number> {
  const [type = '', ...rest] = run.args
  const path = mountPath(run.flags.string('path') || type)
  await run.client.send('PUT', `sys/audit/${path.slice(0, -1)}`, {
    type,
    description: run.flags.string('description') ?? '',
    local: run.flags.bool('local'),
    options: await inputOf(run, rest),
  })
  run.out(`Success! Enabled the ${type} audit device at: ${path}\n`)
  return 0
}

async function disable(run: Run): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  await run.client.send('DELETE', `sys/audit/${path.slice(0, -1)}`)
  run.out(`Success! Disabled audit device (if it was enabled) at: ${path}\n`)
  return 0
}

/** `audit …`. */
export const auditCommands: readonly Command[] = [
  {
    name: 'audit list',
    about: 'List the audit devices',
    args: [0, 0],
    shows: ['format', 'detailed'],
    doing: 'listing audit devices',
    run: list,
  },
  {
    name: 'audit enable',
    about: 'Enable an audit device',
    usage: 'TYPE [K=V …]',
    args: [1, Infinity],
    flags: {
      path: { kind: 'string', about: 'The path of the device (default: its type).' },
      description: { kind: 'string', about: 'A human-readable description.', mayBeEmpty: true },
      local: { kind: 'bool', about: 'Local to this cluster.' },
    },
    doing: 'enabling audit device',
    run: enable,
  },
  {
    name: 'audit disable',
    about: 'Disable an audit device',
    usage: 'PATH',
    args: [1, 1],
    doing: 'disabling audit device',
    run: disable,
  },
]
