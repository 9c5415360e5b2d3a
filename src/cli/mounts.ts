import type { Command, Run } from './command.ts'
import type { FlagTable } from './flags.ts'
import { showValue } from './show.ts'
import { sorted } from './output.ts'
import { cell, table } from './table.ts'

type Body = Readonly<Record<string, unknown>>
const slashed = (path: string): string => path.replace(/^\//, '').replace(/\/?$/, '/')

interface Kind {
  readonly group: 'secrets' | 'auth'
  readonly api: 'sys/mounts' | 'sys/auth'
  readonly one: string
}

const tuneFlags: FlagTable = {
  description: { kind: 'text', about: 'For people.' },
  'default-lease-ttl': { kind: 'duration', about: 'Default TTL.' },
  'max-lease-ttl': { kind: 'duration', about: 'Longest TTL.' },
  'listing-visibility': { kind: 'text', about: 'unauth or hidden.' },
  'audit-non-hmac-request-keys': { kind: 'texts', about: 'Written in clear in audit lines.' },
  'audit-non-hmac-response-keys': { kind: 'texts', about: 'Written in clear in audit lines.' },
  'passthrough-request-headers': { kind: 'texts', about: 'Headers the engine may see.' },
  'allowed-response-headers': { kind: 'texts', about: 'Headers the engine may set.' },
  'token-type': { kind: 'text', about: 'Auth methods: the type of tokens.' },
  options: { kind: 'pairs', about: 'name=value.' },
  version: { kind: 'text', about: 'The version of the engine.' },
  'plugin-version': { kind: 'text', about: 'Not offered.' },
}

function settings(run: Run): Record<string, unknown> {
  const config: Record<string, unknown> = {}
  for (const name of ['default-lease-ttl', 'max-lease-ttl', 'listing-visibility', 'token-type', 'plugin-version']) {
    const value = run.flags.text(name)
    if (value !== undefined) config[name.replaceAll('-', '_')] = value
  }
  for (const name of [
    'audit-non-hmac-request-keys',
    'audit-non-hmac-response-keys',
    'passthrough-request-headers',
    'allowed-response-headers',
  ]) {
    if (run.flags.has(name)) config[name.replaceAll('-', '_')] = run.flags.texts(name)
  }
  return config
}

function options(run: Run): Record<string, string> | undefined {
  const version = run.flags.text('version')
  const pairs = run.flags.pairs('options')
  return version === undefined && !pairs ? undefined : { ...pairs, ...(version !== undefined && { version }) }
}

async function list(run: Run, kind: Kind): Promise<number> {
  const { body } = await run.client.send('GET', kind.api)
  const mounts = (body?.['data'] ?? {}) as Readonly<Record<string, Body>>
  if (run.format !== 'table') {
    showValue(run, sorted(mounts))
    return 0
  }
  const rows = Object.entries(mounts).sort(([a], [b]) => (a < b ? -1 : 1))
  run.out(`${run.flags.bool('detailed') ? detailed(rows, kind) : brief(rows, kind)}\n`)
  return 0
}

function brief(rows: readonly (readonly [string, Body])[], kind: Kind): string {
  const auth = kind.group === 'auth'
  const text = (mount: Body, name: string): string => String(mount[name] ?? '')
  const body = rows.map(([path, mount]) => [
    path,
    text(mount, 'type'),
    text(mount, 'accessor'),
    text(mount, 'description'),
    ...(auth ? [text(mount, 'plugin_version')] : []),
  ])
  return table(['Path', 'Type', 'Accessor', 'Description', ...(auth ? ['Version'] : [])], body)
}

function detailed(rows: readonly (readonly [string, Body])[], kind: Kind): string {
  const headings = `Path,Plugin,Accessor,Default TTL,Max TTL,${kind.group === 'auth' ? 'Token Type' : 'Force No Cache'},Replication,Seal Wrap,External Entropy Access,Options,Description,UUID,Version,Running Version,Running SHA256,Deprecation Status`
  const body = rows.map(([path, mount]) => {
    const config = (mount['config'] ?? {}) as Body
    const builtin = ['system', 'cubbyhole', 'identity', 'token'].includes(String(mount['type']))
    const ttl = (name: string): string =>
      builtin && mount['type'] !== 'token' ? 'n/a' : config[name] ? String(config[name]) : 'system'
    return [
      path,
      String(mount['type']),
      String(mount['accessor']),
      ttl('default_lease_ttl'),
      ttl('max_lease_ttl'),
      String(kind.group === 'auth' ? (config['token_type'] ?? '') : config['force_no_cache']),
      mount['local'] === true ? 'local' : 'replicated',
      String(mount['seal_wrap']),
      String(mount['external_entropy_access']),
      cell(mount['options'] ?? {}),
      String(mount['description'] ?? ''),
      String(mount['uuid']),
      String(mount['plugin_version'] ?? ''),
      String(mount['running_plugin_version'] ?? ''),
      String(mount['running_sha256'] ?? ''),
      String(mount['deprecation_status'] ?? ''),
    ]
  })
  return table(headings.split(','), body)
}

async function enable(run: Run, kind: Kind): Promise<number> {
  const [type = ''] = run.args
  const path = slashed(run.flags.text('path') ?? type)
  const given = options(run)
  await run.client.send('POST', `${kind.api}/${path.slice(0, -1)}`, {
    type,
    description: run.flags.text('description') ?? '',
    config: settings(run),
    ...(given && { options: given }),
    local: run.flags.bool('local'),
    seal_wrap: run.flags.bool('seal-wrap'),
    external_entropy_access: run.flags.bool('external-entropy-access'),
  })
  run.out(
    `Success! Enabled ${kind.group === 'auth' ? `${type} auth method` : `the ${type} secrets engine`} at: ${path}\n`,
  )
  return 0
}

async function disable(run: Run, kind: Kind): Promise<number> {
  const path = slashed(run.args[0] ?? '')
  await run.client.send('DELETE', `${kind.api}/${path.slice(0, -1)}`)
  run.out(`Success! Disabled the ${kind.one} (if it existed) at: ${path}\n`)
  return 0
}

async function tune(run: Run, kind: Kind): Promise<number> {
  const path = slashed(run.args[0] ?? '')
  const given = options(run)
  const description = run.flags.text('description')
  await run.client.send('POST', `${kind.api}/${path}tune`, {
    ...settings(run),
    ...(description !== undefined && { description }),
    ...(given && { options: given }),
  })
  run.out(`Success! Tuned the ${kind.one} at: ${path}\n`)
  return 0
}

async function move(run: Run, kind: Kind): Promise<number> {
  const [from, to] = run.args.map(slashed)
  const { body } = await run.client.send('POST', 'sys/remount', { from: run.args[0], to: run.args[1] })
  const id = String((body?.['data'] as Body | undefined)?.['migration_id'])
  run.out(`Started moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  run.out(`Success! Finished moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  return 0
}

function family(kind: Kind): readonly Command[] {
  const { group, one } = kind
  const enableFlags: FlagTable = {
    ...tuneFlags,
    path: { kind: 'text', about: 'Where it answers.' },
    local: { kind: 'bool', about: 'On this cluster only.' },
    'seal-wrap': { kind: 'bool', about: 'Accepted.' },
    'external-entropy-access': { kind: 'bool', about: 'Accepted.' },
    'force-no-cache': { kind: 'bool', about: 'Accepted.' },
  }
  return [
    {
      name: `${group} list`,
      about: `List the ${one}s`,
      args: [0, 0],
      flags: { detailed: { kind: 'bool', about: 'All that there is to know.' } },
      run: async (run) => list(run, kind),
    },
    {
      name: `${group} enable`,
      about: `Enable a ${one}`,
      usage: 'TYPE',
      args: [1, 1],
      flags: enableFlags,
      run: async (run) => enable(run, kind),
    },
    {
      name: `${group} disable`,
      about: `Disable a ${one} and remove its data`,
      usage: 'PATH',
      args: [1, 1],
      run: async (run) => disable(run, kind),
    },
    {
      name: `${group} tune`,
      about: `Change the settings of a ${one}`,
      usage: 'PATH',
      args: [1, 1],
      flags: tuneFlags,
      run: async (run) => tune(run, kind),
    },
    {
      name: `${group} move`,
      about: `Move a ${one} to another path`,
      usage: 'FROM TO',
      args: [2, 2],
      run: async (run) => move(run, kind),
    },
  ]
}

/** `secrets …` and `auth …`. */
export const mountCommands: readonly Command[] = [
  ...family({ group: 'secrets', api: 'sys/mounts', one: 'secrets engine' }),
  ...family({ group: 'auth', api: 'sys/auth', one: 'auth method' }),
]
