import type { MountRecord } from '../../contract/mount.ts'
import { rootNamespace } from '../../contract/identity.ts'
import { product } from '../../util/version.ts'

type Wire = Readonly<Record<string, unknown>>

/** A mount as `sys/mounts` and `sys/auth` show it. */
export function mountEntry(record: MountRecord): Wire {
  return {
    accessor: record.accessor,
    config: {
      ...record.config,
      ...(record.kind === 'auth' && { token_type: record.config.token_type ?? 'default-service' }),
    },
    // Only what someone enabled carries the mark; built-in mounts never do.
    ...(!record.builtin && { deprecation_status: 'supported' }),
    description: record.description,
    external_entropy_access: record.externalEntropyAccess,
    local: record.local,
    options: record.options,
    plugin_version: '',
    running_plugin_version: `v${product.version}+builtin.strongroom`,
    running_sha256: '',
    seal_wrap: record.sealWrap,
    type: typeOf(record),
    uuid: record.uuid,
  }
}

/** What every namespace has from the beginning is called by names of its own below the root one. */
function typeOf({ builtin, namespace, type }: MountRecord): string {
  return builtin && namespace !== rootNamespace ? `ns_${type}` : type
}

/** A mount as its `tune` path shows it. TTLs in seconds; the default is shown as set, though the longest bounds it. */
export function tuneEntry(record: MountRecord, maxTtl: number, serverDefault: number): Wire {
  const { user_lockout_config: lockout, ...config } = record.config
  return {
    ...config,
    default_lease_ttl: config.default_lease_ttl || serverDefault,
    max_lease_ttl: maxTtl,
    description: record.description,
    ...(record.externalEntropyAccess && { external_entropy_access: true }),
    ...(record.options && Object.keys(record.options).length > 0 && { options: record.options }),
    ...(record.kind === 'auth' && { token_type: record.config.token_type ?? 'default-service' }),
    ...lockout,
  }
}
