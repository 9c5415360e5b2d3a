import { stringify } from 'yaml'
import { Numeral, writeJson } from '../util/json.ts'
import { UsageError } from './flags.ts'
import { cell, keyValues, shortDuration, shownValue, table } from './table.ts'

export type Format = 'table' | 'json' | 'yaml' | 'raw'
type Body = Readonly<Record<string, unknown>>

/** @throws UsageError for a format that does not exist. */
export function formatOf(given: string | undefined): Format {
  const name = (given || 'table').toLowerCase()
  if (name === 'pretty') return 'json'
  if (name === 'yml') return 'yaml'
  if (name === 'table' || name === 'json' || name === 'yaml' || name === 'raw') return name
  throw new UsageError(`Invalid output format: ${given}; there are table, json, yaml, raw`)
}

const order = ['request_id', 'lease_id', 'lease_duration', 'renewable', 'data', 'warnings', 'auth', 'wrap_info']

/** A server's answer with its members in the usual order; empty parts that say nothing are left out. */
export function envelope(body: Body): Body {
  const shown: Record<string, unknown> = {}
  for (const name of order) {
    if (!(name in body) || ((name === 'auth' || name === 'wrap_info') && body[name] === null)) continue
    shown[name] = name === 'auth' ? { identity_policies: null, ...sortedAuth(body[name] as Body) } : body[name]
  }
  return shown
}

const authOrder = [
  'client_token',
  'accessor',
  'policies',
  'token_policies',
  'identity_policies',
  'metadata',
  'orphan',
  'entity_id',
  'lease_duration',
  'renewable',
  'mfa_requirement',
]

function sortedAuth(auth: Body): Body {
  return Object.fromEntries(authOrder.map((name) => [name, auth[name] ?? null]))
}

/** Pretty JSON as Go writes it: two blanks, `<>&` escaped, keys of data sorted. */
export function json(value: unknown): string {
  return pretty(value, '').replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function pretty(value: unknown, indent: string): string {
  const deeper = `${indent}  `
  if (value instanceof Numeral || typeof value !== 'object' || value === null) return writeJson(value)
  if (Array.isArray(value))
    return value.length === 0
      ? '[]'
      : `[\n${value.map((item) => deeper + pretty(item, deeper)).join(',\n')}\n${indent}]`
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  if (members.length === 0) return '{}'
  return `{\n${members.map(([name, member]) => `${deeper}${JSON.stringify(name)}: ${pretty(member, deeper)}`).join(',\n')}\n${indent}}`
}

/** Objects below the top with their members in alphabetical order, as Go's maps are written. */
export function sorted(value: unknown): unknown {
  if (value instanceof Numeral || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => [name, sorted(member)]),
  )
}

export function yaml(value: unknown): string {
  return stringify(plain(sorted(value)), { lineWidth: 0, version: '1.1', singleQuote: false })
}

function plain(value: unknown): unknown {
  if (value instanceof Numeral) return Number(value.literal)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

/** What an answer shows as a table: its auth block, or its data. */
export function answerTable(body: Body): string {
  const {
    auth,
    wrap_info: wrapped,
    data,
  } = body as { readonly auth?: Body | null; readonly wrap_info?: Body | null; readonly data?: Body | null }
  if (wrapped)
    return keyValues(
      ['token', 'accessor', 'ttl', 'creation_time', 'creation_path'].map(
        (name) => [`wrapping_${name === 'ttl' ? 'token_ttl' : name}:`, shownValue(name, wrapped[name])] as const,
      ),
    )
  if (auth) return keyValues(authRows(auth))
  const rows = Object.entries(data ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, shownValue(name, value)] as const)
  const lease =
    typeof body['lease_duration'] === 'number' && body['lease_duration'] > 0
      ? [['refresh_interval', shortDuration(body['lease_duration'])] as const]
      : []
  return keyValues([...lease, ...rows])
}

/** The rows of an auth block, in their order. */
export function authRows(auth: Body): (readonly [string, unknown])[] {
  const texts = (name: string): string =>
    `[${((auth[name] ?? []) as readonly string[]).map((text) => JSON.stringify(text)).join(' ')}]`
  const lease = Number(auth['lease_duration'] ?? 0)
  const rows: (readonly [string, unknown])[] = [
    ['token', auth['client_token']],
    ['token_accessor', auth['accessor']],
    ['token_duration', lease === 0 ? '∞' : shortDuration(lease)],
    ['token_renewable', auth['renewable']],
    ['token_policies', texts('token_policies')],
    ['identity_policies', texts('identity_policies')],
    ['policies', texts('policies')],
  ]
  for (const [name, value] of Object.entries((auth['metadata'] ?? {}) as Body).sort())
    rows.push([`token_meta_${name}`, value])
  return rows
}

/** One field of an answer, or undefined. Names of the table and of the JSON both work. */
export function fieldOf(body: Body, field: string): unknown {
  const {
    auth,
    data,
    wrap_info: wrapped,
  } = body as { readonly auth?: Body | null; readonly data?: Body | null; readonly wrap_info?: Body | null }
  const named: Readonly<Record<string, unknown>> = auth
    ? {
        token: auth['client_token'],
        token_accessor: auth['accessor'],
        token_duration: auth['lease_duration'],
        token_renewable: auth['renewable'],
        token_policies: auth['token_policies'],
        identity_policies: auth['identity_policies'] ?? [],
        policies: auth['policies'],
      }
    : wrapped
      ? {
          wrapping_token: wrapped['token'],
          wrapping_accessor: wrapped['accessor'],
          wrapping_token_ttl: wrapped['ttl'],
          wrapping_token_creation_time: wrapped['creation_time'],
          wrapping_token_creation_path: wrapped['creation_path'],
        }
      : { ...data, ...(body['lease_duration'] ? { refresh_interval: body['lease_duration'] } : {}) }
  if (Object.hasOwn(named, field)) return named[field]
  if (field === 'data') return data
  return undefined
}

export { cell, table }
