import type { Json } from '../../../util/json.ts'
import type { FlagTable, Flags } from '../../framework/flags.ts'

const texts = {
  'default-lease-ttl': 'The default TTL of leases and tokens.',
  'max-lease-ttl': 'The maximum TTL of leases and tokens.',
  'listing-visibility': 'unauth: listed without a token; hidden: not listed.',
  'token-type': 'The type of the tokens that the auth method issues.',
  'plugin-version': 'For other servers: strongroom has no plugins, and refuses it.',
} as const
const lists = {
  'audit-non-hmac-request-keys': 'A request parameter that audit lines show unhashed; can be repeated.',
  'audit-non-hmac-response-keys': 'A response field that audit lines show unhashed; can be repeated.',
  'passthrough-request-headers': 'A request header to pass on to the engine; can be repeated.',
  'allowed-response-headers': 'A response header that the engine may set; can be repeated.',
} as const

const durations = ['default-lease-ttl', 'max-lease-ttl']

/** Accepted for scripts for Vault: "-1" means the server's lifetime. */
const systemDefault = ['-1', '-1s']

/** Flags of `secrets tune` and `auth tune`. */
export const tuneFlags: FlagTable = {
  description: { kind: 'string', about: 'A human-readable description.', mayBeEmpty: true },
  ...Object.fromEntries(
    Object.entries(texts).map(([name, about]) => [
      name,
      durations.includes(name)
        ? { kind: 'duration' as const, about, mayBeEmpty: true as const, words: ['', 'system', ...systemDefault] }
        : { kind: 'string' as const, about, mayBeEmpty: true as const },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(lists).map(([name, about]) => [
      name,
      { kind: 'strings' as const, about, mayBeEmpty: true as const },
    ]),
  ),
  options: { kind: 'pairs', about: 'An option of the engine; can be repeated.' },
  version: { kind: 'string', about: 'The version of the engine, short for -options=version=….' },
}

const lockouts = {
  'user-lockout-threshold': 'Failed logins that lock a user out.',
  'user-lockout-duration': 'How long a user is locked out.',
  'user-lockout-counter-reset-duration': 'After how long failed logins are forgotten.',
} as const

/** Further flags of `auth tune`. */
export const lockoutFlags: FlagTable = {
  ...Object.fromEntries(
    Object.entries(lockouts).map(([name, about]) => [
      name,
      { kind: name.endsWith('duration') ? ('duration' as const) : ('string' as const), about },
    ]),
  ),
  'user-lockout-disable': { kind: 'bool', about: 'Lock no user out.' },
}

/** The given settings of the lockout. */
export function lockout(flags: Flags): { readonly user_lockout_config?: Json } {
  const config = Object.fromEntries([
    ...Object.keys(lockouts)
      .filter((name) => flags.has(name))
      .map((name) => [field(name.slice('user-'.length)), flags.string(name)]),
    ...(flags.has('user-lockout-disable') ? [['lockout_disable', flags.bool('user-lockout-disable')]] : []),
  ]) as Json
  return Object.keys(config).length > 0 ? { user_lockout_config: config } : {}
}

/** Flags of `secrets enable` and `auth enable`. */
export const enableFlags: FlagTable = {
  ...tuneFlags,
  path: { kind: 'string', about: 'The path of the mount (default: its type).' },
  local: { kind: 'bool', about: 'Local to this cluster.' },
  'seal-wrap': { kind: 'bool', about: 'Accepted without effect: all data is encrypted.' },
  'external-entropy-access': { kind: 'bool', about: 'Accepted without effect.' },
  'force-no-cache': { kind: 'bool', about: 'Accepted without effect.' },
  'plugin-name': { kind: 'string', about: 'The type to enable, if the type argument is "plugin".' },
}

const lifetime = (input = ''): string => (systemDefault.includes(input) ? 'system' : input)

const field = (name: string): string => name.replaceAll('-', '_')

/** The given settings, by the API's names. */
export function settings(flags: Flags): Json {
  return Object.fromEntries([
    ...Object.keys(texts)
      .filter((name) => flags.has(name))
      .map((name) => [field(name), durations.includes(name) ? lifetime(flags.string(name)) : flags.string(name)]),
    ...Object.keys(lists)
      .filter((name) => flags.has(name))
      // An empty one, alone, clears the list.
      .map((name) => [field(name), flags.strings(name).join('') === '' ? [] : flags.strings(name)]),
  ]) as Json
}

/** The given options of the engine itself. */
export function options(flags: Flags): { readonly options?: Json } {
  const [version, pairs] = [flags.string('version'), flags.pairs('options')]
  return version === undefined && !pairs ? {} : { options: { ...pairs, ...(version !== undefined && { version }) } }
}
