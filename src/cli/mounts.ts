import { setTimeout as pause } from 'node:timers/promises'
import type { Json } from '../util/json.ts'
import { ServerError } from './failure.ts'
import type { Command, Run } from './command.ts'
import type { FlagTable, Flags } from './flags.ts'
import { sorted } from './json.ts'
import { mountPath } from './paths.ts'
import { showValue } from './show.ts'
import { cell, table, textOf } from './table.ts'

/** Secrets engines and auth methods are managed alike; this is what differs. */
export interface MountKind {
  /** The first word of the commands. */
  readonly word: 'secrets' | 'auth'
  readonly api: 'sys/mounts' | 'sys/auth'
  /** `secrets engine`. */
  readonly one: string
  /** What an enabled one of this type is called. */
  readonly enabled: (type: string) => string
  readonly enabling: (type: string) => string
  /** Where a mount's settings are. */
  readonly tunePath: (path: string) => string
}

const texts = {
  'default-lease-ttl': 'The usual lifetime of leases and tokens.',
  'max-lease-ttl': 'The longest one.',
  'listing-visibility': 'unauth: shown to people who have not logged in; hidden.',
  'token-type': 'Auth methods: the type of tokens.',
  'plugin-version': 'The version of the plugin.',
} as const
const lists = {
  'audit-non-hmac-request-keys': 'Written in clear in audit lines; can be repeated.',
  'audit-non-hmac-response-keys': 'Written in clear in audit lines; can be repeated.',
  'passthrough-request-headers': 'A header that the engine may see; can be repeated.',
  'allowed-response-headers': 'A header that the engine may set; can be repeated.',
} as const

const durations = ['default-lease-ttl', 'max-lease-ttl']

const tuneFlags: FlagTable = {
  description: { kind: 'text', about: 'For people.' },
  ...Object.fromEntries(
    Object.entries(texts).map(([name, about]) => [
      name,
      { kind: durations.includes(name) ? ('duration' as const) : ('text' as const), about },
    ]),
  ),
  ...Object.fromEntries(Object.entries(lists).map(([name, about]) => [name, { kind: 'texts' as const, about }])),
  options: { kind: 'pairs', about: 'A setting of the engine, name=value; can be repeated.' },
  version: { kind: 'text', about: 'The version of the engine: -options=version=…' },
}

const enableFlags: FlagTable = {
  ...tuneFlags,
  path: { kind: 'text', about: 'Where it answers; its type unless given.' },
  local: { kind: 'bool', about: 'On this cluster only.' },
  'seal-wrap': { kind: 'bool', about: 'Accepted; everything is encrypted alike.' },
  'external-entropy-access': { kind: 'bool', about: 'Accepted.' },
  'force-no-cache': { kind: 'bool', about: 'Accepted.' },
  'plugin-name': { kind: 'text', about: 'The name of the plugin.' },
}

const field = (name: string): string => name.replaceAll('-', '_')

/** The settings that were given. */
function settings(flags: Flags): Json {
  return Object.fromEntries([
    ...Object.keys(texts)
      .filter((name) => flags.has(name))
      .map((name) => [field(name), flags.text(name)]),
    ...Object.keys(lists)
      .filter((name) => flags.has(name))
      .map((name) => [field(name), flags.texts(name)]),
  ]) as Json
}

function options(flags: Flags): { readonly options?: Json } {
  const [version, pairs] = [flags.text('version'), flags.pairs('options')]
  return version === undefined && !pairs ? {} : { options: { ...pairs, ...(version !== undefined && { version }) } }
}

async function list(run: Run, kind: MountKind): Promise<number> {
  const { body } = await run.client.send('GET', kind.api)
  const mounts = [...(sorted(body?.['data'] ?? {}) as Map<string, Map<string, unknown>>)].map(
    ([path, mount]) => [path, Object.fromEntries(mount)] as const,
  )
  if (run.format !== 'table') await showValue(run, new Map(mounts.map(([path, mount]) => [path, inOrder(mount)])))
  else run.out(`${run.flags.bool('detailed') ? detailed(mounts, kind) : brief(mounts, kind)}\n`)
  return 0
}

type Mounts = readonly (readonly [string, Json])[]

/** The members of a mount as Vault's clients print them. */
function inOrder(mount: Json): Json {
  const config = mount['config'] instanceof Map ? (mount['config'] as Map<string, unknown>) : new Map<string, unknown>()
  const { default_lease_ttl: ttl, max_lease_ttl: max, force_no_cache: cache, ...rest } = Object.fromEntries(config)
  return {
    uuid: mount['uuid'],
    type: mount['type'],
    description: mount['description'],
    accessor: mount['accessor'],
    config: { default_lease_ttl: ttl, max_lease_ttl: max, force_no_cache: cache, ...rest },
    options: mount['options'] ?? null,
    local: mount['local'],
    seal_wrap: mount['seal_wrap'],
    external_entropy_access: mount['external_entropy_access'],
    plugin_version: mount['plugin_version'] ?? '',
    running_plugin_version: mount['running_plugin_version'] ?? '',
    running_sha256: mount['running_sha256'] ?? '',
    deprecation_status: mount['deprecation_status'] ?? '',
  }
}

const text = (mount: Json, name: string): string => textOf(mount[name])

function brief(mounts: Mounts, { word }: MountKind): string {
  const names = ['type', 'accessor', 'description', ...(word === 'auth' ? ['plugin_version'] : [])]
  const headings = ['Path', 'Type', 'Accessor', 'Description', ...(word === 'auth' ? ['Version'] : [])]
  return table(
    headings,
    mounts.map(([path, mount]) => [path, ...names.map((name) => text(mount, name))]),
  )
}

const builtin = /^(ns_)?(system|cubbyhole|identity)$/

function detailed(mounts: Mounts, { word }: MountKind): string {
  const sixth = word === 'auth' ? 'Token Type' : 'Force No Cache'
  const headings = `Path,Plugin,Accessor,Default TTL,Max TTL,${sixth},Replication,Seal Wrap,External Entropy Access,Options,Description,UUID,Version,Running Version,Running SHA256,Deprecation Status`
  const rows = mounts.map(([path, mount]) => {
    const config = (mount['config'] ?? new Map()) as Map<string, unknown>
    const ttl = (name: string): string =>
      builtin.test(text(mount, 'type')) ? 'n/a' : Number(config.get(name) ?? 0) > 0 ? cell(config.get(name)) : 'system'
    return [
      path,
      text(mount, 'type'),
      text(mount, 'accessor'),
      ttl('default_lease_ttl'),
      ttl('max_lease_ttl'),
      textOf(config.get(word === 'auth' ? 'token_type' : 'force_no_cache')),
      mount['local'] === true ? 'local' : 'replicated',
      text(mount, 'seal_wrap'),
      text(mount, 'external_entropy_access'),
      cell(mount['options'] ?? {}),
      text(mount, 'description'),
      text(mount, 'uuid'),
      text(mount, 'plugin_version'),
      text(mount, 'running_plugin_version'),
      text(mount, 'running_sha256'),
      text(mount, 'deprecation_status'),
    ]
  })
  return table(headings.split(','), rows)
}

async function enable(run: Run, kind: MountKind): Promise<number> {
  const { flags } = run
  const [type = ''] = run.args
  const path = mountPath(flags.text('path') || type)
  await run.client.send('POST', `${kind.api}/${path.slice(0, -1)}`, {
    type,
    description: flags.text('description') ?? '',
    config: {
      ...settings(flags),
      ...(flags.has('force-no-cache') && { force_no_cache: flags.bool('force-no-cache') }),
    },
    ...options(flags),
    local: flags.bool('local'),
    seal_wrap: flags.bool('seal-wrap'),
    external_entropy_access: flags.bool('external-entropy-access'),
  })
  run.out(`Success! Enabled ${kind.enabled(type)} at: ${path}\n`)
  return 0
}

async function disable(run: Run, kind: MountKind): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  await run.client.send('DELETE', `${kind.api}/${path.slice(0, -1)}`)
  run.out(`Success! Disabled the ${kind.one} (if it existed) at: ${path}\n`)
  return 0
}

async function tune(run: Run, kind: MountKind): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  const description = run.flags.text('description')
  await run.client.send('POST', kind.tunePath(path), {
    ...settings(run.flags),
    ...(description !== undefined && { description }),
    ...options(run.flags),
  })
  run.out(`Success! Tuned the ${kind.one} at: ${path}\n`)
  return 0
}

async function move(run: Run, kind: MountKind): Promise<number> {
  const [from = '', to = ''] = run.args.map(mountPath)
  const { body } = await run.client.send('POST', 'sys/remount', { from: from.slice(0, -1), to: to.slice(0, -1) })
  const id = textOf((body?.['data'] as Json | undefined)?.['migration_id'])
  run.out(`Started moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  await finished(run, id, `${from} to ${to}`)
  run.out(`Success! Finished moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  return 0
}

async function finished(run: Run, id: string, what: string): Promise<void> {
  if (id === '') return
  for (;;) {
    const { body } = await run.client.send('GET', `sys/remount/status/${id}`)
    const info = ((body?.['data'] as Json | undefined)?.['migration_info'] ?? {}) as Json
    if (info['status'] === 'failure') throw new ServerError(`moving ${what} failed: see the server's log`)
    if (info['status'] !== 'in-progress') return
    await pause(500)
  }
}

/** The commands of one kind of mounts. */
export function mountCommands(kind: MountKind): readonly Command[] {
  const { word, one } = kind
  const first = (run: Run): string => mountPath(run.args[0] ?? '')
  return [
    {
      name: `${word} list`,
      about: `List the ${one}s`,
      args: [0, 0],
      shows: ['format', 'detailed'],
      doing: `listing ${one}s`,
      run: async (run) => list(run, kind),
    },
    {
      name: `${word} enable`,
      about: `Enable a ${one}`,
      usage: 'TYPE',
      args: [1, 1],
      flags: enableFlags,
      doing: (run) => kind.enabling(run.args[0] ?? ''),
      run: async (run) => enable(run, kind),
    },
    {
      name: `${word} disable`,
      about: `Disable a ${one} and remove its data`,
      usage: 'PATH',
      args: [1, 1],
      doing: (run) => `disabling ${one} at ${first(run)}`,
      run: async (run) => disable(run, kind),
    },
    {
      name: `${word} tune`,
      about: `Change the settings of a ${one}`,
      usage: 'PATH',
      args: [1, 1],
      flags: tuneFlags,
      doing: (run) => `tuning ${one} ${first(run)}`,
      run: async (run) => tune(run, kind),
    },
    {
      name: `${word} move`,
      about: `Move a ${one} to another path`,
      usage: 'FROM TO',
      args: [2, 2],
      doing: (run) => `moving ${one} ${first(run)} to ${mountPath(run.args[1] ?? '')}`,
      run: async (run) => move(run, kind),
    },
  ]
}
