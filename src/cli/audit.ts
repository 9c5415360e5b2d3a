import { verifyAuditFiles } from '../audit/verify.ts'
import type { Command, Run } from './command.ts'
import { dataOf } from './data.ts'
import { showValue } from './show.ts'
import { table } from './table.ts'

type Device = {
  readonly path: string
  readonly type: string
  readonly description: string
  readonly local: boolean
  readonly options: Readonly<Record<string, string>>
}
const slashed = (path: string): string => path.replace(/\/?$/, '/')

async function list(run: Run): Promise<number> {
  const { body } = await run.client.send('GET', 'sys/audit')
  const devices = Object.entries((body?.['data'] ?? {}) as Readonly<Record<string, Device>>).sort(([a], [b]) =>
    a < b ? -1 : 1,
  )
  if (run.format !== 'table') {
    showValue(
      run,
      Object.fromEntries(
        devices.map(([path, { type, description, options, local }]) => [
          path,
          { type, description, options, local, path },
        ]),
      ),
    )
    return 0
  }
  if (devices.length === 0) {
    run.out('No audit devices are enabled.\n')
    return 2
  }
  const detailed = run.flags.bool('detailed')
  const rows = devices.map(([path, { type, description, local, options }]) => [
    path,
    type,
    description,
    ...(detailed
      ? [
          local ? 'local' : 'replicated',
          Object.entries(options)
            .map(([name, value]) => `${name}=${value}`)
            .join(' '),
        ]
      : []),
  ])
  run.out(`${table(['Path', 'Type', 'Description', ...(detailed ? ['Replication', 'Options'] : [])], rows)}\n`)
  return 0
}

async function enable(run: Run): Promise<number> {
  const [type = '', ...rest] = run.args
  const path = slashed(run.flags.text('path') ?? type)
  await run.client.send('PUT', `sys/audit/${path.slice(0, -1)}`, {
    type,
    description: run.flags.text('description') ?? '',
    local: run.flags.bool('local'),
    options: await dataOf(run, rest),
  })
  run.out(`Success! Enabled the ${type} audit device at: ${path}\n`)
  return 0
}

async function verify(run: Run): Promise<number> {
  const { ok, lines, firstBad } = await verifyAuditFiles(run.args)
  if (run.format !== 'table') showValue(run, { intact: ok, lines, ...(firstBad && { first_bad: firstBad }) })
  else if (ok) run.out(`intact: ${lines} lines in ${run.args.length} ${run.args.length === 1 ? 'file' : 'files'}\n`)
  else
    run.out(
      `BROKEN at ${firstBad?.file} line ${firstBad?.line}: ${firstBad?.why}\n${lines} lines before it are intact\n`,
    )
  return ok ? 0 : 3
}

/** `audit …`. */
export const auditCommands: readonly Command[] = [
  {
    name: 'audit list',
    about: 'List the audit devices',
    args: [0, 0],
    flags: { detailed: { kind: 'bool', about: 'With their options.' } },
    run: list,
  },
  {
    name: 'audit enable',
    about: 'Enable an audit device',
    usage: 'TYPE [K=V …]',
    args: [1, Infinity],
    flags: {
      path: { kind: 'text', about: 'Its path.' },
      description: { kind: 'text', about: 'For people.' },
      local: { kind: 'bool', about: 'On this cluster only.' },
    },
    run: enable,
  },
  {
    name: 'audit disable',
    about: 'Disable an audit device',
    usage: 'PATH',
    args: [1, 1],
    run: async (run) => {
      const path = slashed(run.args[0] ?? '')
      await run.client.send('DELETE', `sys/audit/${path.slice(0, -1)}`)
      run.out(`Success! Disabled audit device (if it was enabled) at: ${path}\n`)
      return 0
    },
  },
  {
    name: 'audit verify',
    about: 'Check audit files offline, oldest first; exit status 0 intact, 3 broken',
    usage: 'FILE …',
    args: [1, Infinity],
    run: verify,
  },
]
