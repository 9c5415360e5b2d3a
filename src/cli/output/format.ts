import type { Json } from '../../util/json.ts'
import { UsageError } from '../framework/flags.ts'
import { sorted } from './json.ts'
import { keyValues, quotedList, shortDuration, displayValue } from './table.ts'

/** The output formats. */
export type Format = 'table' | 'json' | 'yaml' | 'raw'

const formats: Readonly<Record<string, Format | 'pretty'>> = {
  table: 'table',
  json: 'json',
  yaml: 'yaml',
  yml: 'yaml',
  raw: 'raw',
  pretty: 'pretty',
}

/** The format of a name in any letter case; empty means a table. @throws UsageError for one that the command does not have */
export function formatOf(input: string, raw: boolean): Format {
  const name = input.toLowerCase()
  const format = name === '' ? 'table' : Object.hasOwn(formats, name) ? formats[name] : undefined
  if (format === undefined) throw new UsageError(`Invalid output format: ${input}`)
  if (format === 'pretty' || (format === 'raw' && !raw))
    throw new UsageError(`This command does not support the -format=${name} option.`)
  return format
}

/** The standard members of a response. */
interface Parts {
  readonly auth?: Json | null
  readonly data?: Json | null
  readonly wrap_info?: Json | null
  readonly lease_id?: string
  readonly lease_duration?: number
  readonly renewable?: boolean
}

/** A server's response with its members in the usual order, each present; `auth` and `wrap_info` only if there is one. */
export function envelope(body: Json): Json {
  const { auth, wrap_info: wrapped } = body as Parts
  return {
    request_id: body['request_id'] ?? '',
    lease_id: body['lease_id'] ?? '',
    lease_duration: body['lease_duration'] ?? 0,
    renewable: body['renewable'] ?? false,
    data: sorted(dataOf(body) ?? null),
    warnings: listOrNull(body['warnings']),
    ...(auth && { auth: authBlock(auth) }),
    ...(wrapped && { wrap_info: wrapBlock(wrapped) }),
  }
}

/** The data of a response. A response without an envelope is data as a whole. */
function dataOf(body: Json): Json | null | undefined {
  const plain = !['data', 'auth', 'wrap_info', 'request_id'].some((name) => name in body)
  return plain ? body : (body as Parts).data
}

const listOrNull = (value: unknown): unknown => (Array.isArray(value) && value.length > 0 ? value : null)

function authBlock(auth: Json): Json {
  return {
    client_token: auth['client_token'] ?? '',
    accessor: auth['accessor'] ?? '',
    policies: listOrNull(auth['policies']),
    token_policies: listOrNull(auth['token_policies']),
    identity_policies: listOrNull(auth['identity_policies']),
    metadata: sorted(auth['metadata'] ?? null),
    orphan: auth['orphan'] ?? false,
    entity_id: auth['entity_id'] ?? '',
    lease_duration: auth['lease_duration'] ?? 0,
    renewable: auth['renewable'] ?? false,
    mfa_requirement: auth['mfa_requirement'] ?? null,
  }
}

function wrapBlock(wrapped: Json): Json {
  return {
    token: wrapped['token'] ?? '',
    accessor: wrapped['accessor'] ?? '',
    ttl: wrapped['ttl'] ?? 0,
    creation_time: wrapped['creation_time'] ?? '',
    creation_path: wrapped['creation_path'] ?? '',
    wrapped_accessor: wrapped['wrapped_accessor'] ?? '',
  }
}

type Row = readonly [string, unknown]

/** The part of a response that a table shows: its wrapping, its auth block, or its data. Empty if it has none of them. */
export function responseTable(body: Json): string {
  const { auth, wrap_info: wrapped } = body as Parts
  if (wrapped) return keyValues(wrapRows(wrapped))
  if (auth) return keyValues(authRows(auth))
  const data = dataOf(body)
  if (!data || Object.keys(data).length === 0) return ''
  return keyValues([...leaseRows(body), ...dataRows(data)])
}

/** Data as rows in alphabetical order. */
export function dataRows(data: Json): readonly Row[] {
  return [...(sorted(data) as Map<string, unknown>)].map(([name, value]) => [name, displayValue(name, value)])
}

function leaseRows({ lease_id: id = '', lease_duration: duration = 0, renewable }: Parts): readonly Row[] {
  if (duration <= 0) return []
  if (id === '') return [['refresh_interval', shortDuration(duration)]]
  return [
    ['lease_id', id],
    ['lease_duration', shortDuration(duration)],
    ['lease_renewable', renewable],
  ]
}

function wrapRows(wrapped: Json): readonly Row[] {
  const rows: Row[] = [
    ['wrapping_token:', wrapped['token']],
    ['wrapping_accessor:', wrapped['accessor']],
    ['wrapping_token_ttl:', shortDuration(Number(wrapped['ttl'] ?? 0))],
    ['wrapping_token_creation_time:', wrapped['creation_time']],
    ['wrapping_token_creation_path:', wrapped['creation_path']],
  ]
  return wrapped['wrapped_accessor'] ? [...rows, ['wrapped_accessor:', wrapped['wrapped_accessor']]] : rows
}

/** The rows of an auth block, in their order. */
function authRows(auth: Json): readonly Row[] {
  const lease = Number(auth['lease_duration'] ?? 0)
  return [
    ['token', auth['client_token'] ?? ''],
    ['token_accessor', auth['accessor'] ?? ''],
    ['token_duration', lease === 0 ? '∞' : shortDuration(lease)],
    ['token_renewable', auth['renewable'] ?? false],
    ['token_policies', quotedList(auth['token_policies'])],
    ['identity_policies', quotedList(auth['identity_policies'])],
    ['policies', quotedList(auth['policies'])],
    ...Object.entries((auth['metadata'] ?? {}) as Json)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [`token_meta_${name}`, value] as const),
  ]
}

/** One field of a response, or undefined. Both the names of the table and those of the JSON work. */
export function fieldOf(body: Json, field: string): unknown {
  const { auth, wrap_info: wrapped } = body as Parts
  const data = dataOf(body) ?? {}
  const named: Json = auth
    ? authFields(auth)
    : wrapped
      ? wrapFields(wrapped)
      : { refresh_interval: body['lease_duration'], data, ...data }
  for (const source of [named, data, body]) {
    if (Object.hasOwn(source, field)) return source[field] ?? undefined
  }
  return undefined
}

const authFields = (auth: Json): Json => ({
  token: auth['client_token'],
  token_accessor: auth['accessor'],
  token_duration: auth['lease_duration'],
  token_renewable: auth['renewable'],
  token_policies: auth['token_policies'] ?? [],
  identity_policies: auth['identity_policies'] ?? [],
  policies: auth['policies'] ?? [],
})

const wrapFields = (wrapped: Json): Json => ({
  wrapping_token: wrapped['token'],
  wrapping_accessor: wrapped['accessor'],
  wrapping_token_ttl: wrapped['ttl'],
  wrapping_token_creation_time: wrapped['creation_time'],
  wrapping_token_creation_path: wrapped['creation_path'],
  wrapped_accessor: wrapped['wrapped_accessor'],
})
