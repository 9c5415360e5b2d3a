import { refuse } from '../../contract/fault.ts'
import { f, readFields } from '../../contract/field.ts'
import type { MountConfig } from '../../contract/mount.ts'
import { parseDuration } from '../../util/duration.ts'

type Data = Readonly<Record<string, unknown>>

/** The settings that `config` (enable) and the body (tune) can carry. */
export const configFields = {
  default_lease_ttl: f.any('Default TTL, a duration; "system": that of the server; "": unchanged.'),
  max_lease_ttl: f.any('Maximum TTL, a duration; "system": that of the server; "": unchanged.'),
  force_no_cache: f.bool('Accepted for compatibility.'),
  listing_visibility: f.string('"unauth" shows the mount to all callers, "hidden" or "" only to those with access.'),
  audit_non_hmac_request_keys: f.list('Request parameters whose values audit devices write in plaintext.'),
  audit_non_hmac_response_keys: f.list('Response members whose values audit devices write in plaintext.'),
  passthrough_request_headers: f.list('Request headers that the engine may see.'),
  allowed_response_headers: f.list('Headers that the engine may set.'),
  token_type: f.string('Auth methods: default-service, default-batch, service or batch.'),
  user_lockout_config: f.object(
    'Auth methods: lockout_threshold, lockout_duration, lockout_counter_reset_duration, lockout_disable.',
  ),
  plugin_version: f.string('Refused: engines are part of this server.'),
}

const lists = [
  'audit_non_hmac_request_keys',
  'audit_non_hmac_response_keys',
  'passthrough_request_headers',
  'allowed_response_headers',
] as const
const tokenTypes: Readonly<Record<string, string>> = {
  '': 'default-service',
  'default-service': 'default-service',
  'default-batch': 'default-batch',
  service: 'service',
  batch: 'batch',
}

/** System-wide TTLs, which bound every mount's. */
export interface TtlBounds {
  readonly default: number
  readonly max: number
}

/**
 * The settings of a mount after `given` was applied to `old`. Absent members keep their values.
 * @throws Fault invalid_request naming the setting.
 */
export function changedConfig(old: MountConfig, input: Data, kind: 'secret' | 'auth', ttl: TtlBounds): MountConfig {
  const values = readFields(configFields, input)
  const has = (name: string): boolean => Object.hasOwn(input, name)
  const next: { -readonly [K in keyof MountConfig]: MountConfig[K] } = { ...old }
  if (values.plugin_version) throw refuse(`plugin_version cannot be set: engines are part of this server`)
  for (const name of ['default_lease_ttl', 'max_lease_ttl'] as const)
    if (has(name) && input[name] !== '' && input[name] !== null) next[name] = ttlOf(name, values[name])
  if (values.force_no_cache !== undefined) next.force_no_cache = values.force_no_cache
  if (values.listing_visibility !== undefined) setVisibility(next, values.listing_visibility)
  for (const name of lists) {
    const list = values[name]
    if (list === undefined) continue
    if (list.length > 0) next[name] = list
    else delete next[name]
  }
  if (kind === 'auth') setAuthOnly(next, values.token_type, values.user_lockout_config)
  return checkTtls(next, ttl)
}

function ttlOf(name: string, value: unknown): number {
  if (value === 'system' || value === '' || value === null) return 0
  const seconds = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined
  if (seconds === undefined) throw refuse(`${name}: give a duration such as "1h" or 3600, or "system"`)
  return seconds
}

function setVisibility(config: { listing_visibility?: string }, visibility: string): void {
  if (!['', 'hidden', 'unauth'].includes(visibility)) throw refuse(`invalid listing_visibility ${visibility}`)
  if (visibility === '') delete config.listing_visibility
  else config.listing_visibility = visibility
}

type AuthOnly = { -readonly [K in 'token_type' | 'user_lockout_config']?: MountConfig[K] }

function setAuthOnly(config: AuthOnly, tokenType: string | undefined, lockout: Data | undefined): void {
  if (tokenType !== undefined) {
    const type = Object.hasOwn(tokenTypes, tokenType) ? tokenTypes[tokenType] : undefined
    if (!type) throw refuse("invalid value for 'token_type'")
    config.token_type = type
  }
  if (lockout) config.user_lockout_config = { ...noLockoutConfig, ...config.user_lockout_config, ...lockoutOf(lockout) }
}

/** Zero: as the server has it. */
const noLockoutConfig = {
  user_lockout_threshold: 0,
  user_lockout_duration: 0,
  user_lockout_counter_reset_duration: 0,
  user_lockout_disable: false,
}

const lockoutFields = {
  lockout_threshold: f.string('Failed logins before a user is locked.'),
  lockout_duration: f.any('How long the lock lasts.'),
  lockout_counter_reset_duration: f.any('The time after which a failure is forgotten.'),
  lockout_disable: f.bool('Never lock.'),
}

function lockoutOf(input: Data): Record<string, number | boolean> {
  const values = readFields(lockoutFields, input)
  const config: Record<string, number | boolean> = {}
  if (values.lockout_threshold !== undefined) config['user_lockout_threshold'] = wholeNumber(values.lockout_threshold)
  if (Object.hasOwn(input, 'lockout_duration'))
    config['user_lockout_duration'] = ttlOf('lockout_duration', values.lockout_duration)
  if (Object.hasOwn(input, 'lockout_counter_reset_duration'))
    config['user_lockout_counter_reset_duration'] = ttlOf(
      'lockout_counter_reset_duration',
      values.lockout_counter_reset_duration,
    )
  if (values.lockout_disable !== undefined) config['user_lockout_disable'] = values.lockout_disable
  return config
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw refuse('lockout_threshold: give a whole number')
  return Number(text)
}

function checkTtls(config: MountConfig, ttl: TtlBounds): MountConfig {
  const max = config.max_lease_ttl || ttl.max
  if (config.default_lease_ttl > max) {
    throw refuse(
      `default_lease_ttl (${config.default_lease_ttl}s) is longer than the longest TTL in force (${max}s); raise max_lease_ttl too`,
    )
  }
  return config
}
