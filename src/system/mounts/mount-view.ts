import { f } from '../../contract/field.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { rootNamespace } from '../../contract/identity.ts'
import { product } from '../../util/version.ts'
import { configFields } from './mount-config.ts'

type Wire = Readonly<Record<string, unknown>>

/** The members of `mountEntry`. */
export const mountMembers = {
  accessor: f.string('Its accessor.'),
  config: f.object('Its settings.'),
  deprecation_status: f.string('Always `supported`; absent for mounts that are part of the server.'),
  description: f.string('For people.'),
  external_entropy_access: f.bool('As it was enabled; without effect.'),
  local: f.bool('As it was enabled; without effect.'),
  options: f.map('Options of the engine.').orNull(),
  plugin_version: f.string('Always empty.'),
  running_plugin_version: f.string('The release of this server.'),
  running_sha256: f.string('Always empty.'),
  seal_wrap: f.bool('As it was enabled; without effect.'),
  type: f.string('The engine.'),
  uuid: f.string('Its id.'),
}

/** A mount in `sys/mounts` and `sys/auth`. */
export function mountEntry(record: MountRecord): Wire {
  return {
    accessor: record.accessor,
    config: {
      ...record.config,
      ...(record.kind === 'auth' && { token_type: record.config.token_type ?? 'default-service' }),
    },
    // Only mounts that were enabled have this flag; built-in mounts never do.
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

/** The builtin mounts of namespaces below the root one have types of their own. */
function typeOf({ builtin, namespace, type }: MountRecord): string {
  return builtin && namespace !== rootNamespace ? `ns_${type}` : type
}

/** The members of `tuneEntry`. */
export const tuneMembers = {
  default_lease_ttl: f.int('The default TTL, seconds.'),
  max_lease_ttl: f.int('The longest TTL, seconds.'),
  force_no_cache: f.bool('As it was set; without effect.'),
  listing_visibility: configFields.listing_visibility,
  audit_non_hmac_request_keys: configFields.audit_non_hmac_request_keys,
  audit_non_hmac_response_keys: configFields.audit_non_hmac_response_keys,
  passthrough_request_headers: configFields.passthrough_request_headers,
  allowed_response_headers: configFields.allowed_response_headers,
  description: f.string('For people.'),
  external_entropy_access: f.bool('As it was enabled; without effect.'),
  options: f.map('Options of the engine.'),
  token_type: configFields.token_type,
  user_lockout_counter_reset_duration: f.int('Seconds after which failed logins are forgotten.'),
  user_lockout_duration: f.int('Seconds that a user is locked out for.'),
  user_lockout_threshold: f.int('Failed logins that lock a user out.'),
  user_lockout_disable: f.bool('No user is locked out.'),
}

/** A mount in its `tune` path. TTLs in seconds; the default is shown as set, even above the maximum. */
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
