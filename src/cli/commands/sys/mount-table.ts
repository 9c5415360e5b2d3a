import type { Json } from '../../../util/json.ts'
import type { Run } from '../../framework/command.ts'
import { sorted } from '../../output/json.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { cell, table, textOf } from '../../output/table.ts'

/** The kind of a list. */
interface MountListKind {
  readonly word: 'secrets' | 'auth'
  readonly api: string
}

/** `secrets list` and `auth list`. @returns the exit status */
export async function listMounts(run: Run, kind: MountListKind): Promise<number> {
  const body = await run.client.ask('data', 'GET', kind.api)
  if (body['wrap_info']) return showResponse(run, body)
  const mounts = [...(sorted(body['data'] ?? {}) as Map<string, Map<string, unknown>>)].map(
    ([path, mount]) => [path, Object.fromEntries(mount)] as const,
  )
  if (run.format !== 'table') await showValue(run, new Map(mounts.map(([path, mount]) => [path, inOrder(mount)])))
  else run.out(`${run.flags.bool('detailed') ? detailed(mounts, kind) : shortTable(mounts, kind)}\n`)
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

function shortTable(mounts: Mounts, { word }: MountListKind): string {
  const names = ['type', 'accessor', 'description', ...(word === 'auth' ? ['plugin_version'] : [])]
  const headings = ['Path', 'Type', 'Accessor', 'Description', ...(word === 'auth' ? ['Version'] : [])]
  return table(
    headings,
    mounts.map(([path, mount]) => [path, ...names.map((name) => text(mount, name))]),
  )
}

const builtin = /^(ns_)?(system|cubbyhole)$/

function detailed(mounts: Mounts, { word }: MountListKind): string {
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
