import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditDeviceSpec } from './contract/audit.ts'
import { HclError, parseHcl } from './policy/hcl.ts'
import type { HclItem, HclValue, Position } from './policy/hcl.ts'
import { parseDuration } from './util/duration.ts'
import { logLevelOf, logLevels } from './util/log.ts'
import type { LogLevel } from './util/log.ts'

/** One address that the server listens on. */
export interface ListenerConfig {
  readonly host: string
  readonly port: number
  readonly tls?: {
    readonly certFile: string
    readonly keyFile: string
    readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
    readonly clientCaFile?: string
  }
  readonly maxRequestSize?: number
  /** Seconds. */
  readonly maxRequestDuration?: number
  readonly readHeaderTimeout?: number
  readonly idleTimeout?: number
  readonly unauthedRekey: boolean
  readonly unauthedGenerateRoot: boolean
}

/** The server's configuration. Names follow Vault's; TTLs in seconds. */
export interface Config {
  readonly storage:
    { readonly type: 'level'; readonly path: string; readonly minFreeBytes?: number } | { readonly type: 'inmem' }
  readonly listeners: readonly ListenerConfig[]
  readonly apiAddr?: string
  readonly clusterName?: string
  readonly defaultLeaseTtl: number
  readonly maxLeaseTtl: number
  readonly logLevel: LogLevel
  readonly logFormat: 'standard' | 'json'
  readonly apiAudit: boolean
  readonly audits: readonly AuditDeviceSpec[]
}

/** A mistake in the configuration: names file, line and what to write instead. */
export class ConfigError extends Error {}

/** TTLs where nothing is configured: 768 hours. */
export const usualTtl = 768 * 3600

type Draft = { -readonly [K in keyof Config]?: Config[K] }

/** One file as it is read: settings are checked against it, so that errors can name their place. */
class Source {
  readonly file: string

  constructor(file: string) {
    this.file = file
  }

  wrong(at: Position, message: string): ConfigError {
    return new ConfigError(`${this.file}:${at.line}: ${message}`)
  }

  text(value: HclValue, name: string): string {
    if (value.kind === 'string') return value.value
    if (value.kind === 'number') return value.literal
    throw this.wrong(value.at, `${name} must be a text in double quotes`)
  }

  bool(value: HclValue, name: string): boolean {
    if (value.kind === 'bool') return value.value
    const text = value.kind === 'string' || value.kind === 'number' ? this.text(value, name) : ''
    if (['true', '1'].includes(text)) return true
    if (['false', '0'].includes(text)) return false
    throw this.wrong(value.at, `${name} must be true or false`)
  }

  seconds(value: HclValue, name: string): number {
    const seconds = value.kind === 'number' ? parseDuration(value.value) : parseDuration(this.text(value, name))
    if (seconds === undefined) throw this.wrong(value.at, `${name} must be a duration such as "768h"`)
    return seconds
  }

  whole(value: HclValue, name: string): number {
    const number = Number(this.text(value, name))
    if (!Number.isSafeInteger(number) || number < 0) throw this.wrong(value.at, `${name} must be a whole number`)
    return number
  }

  items(value: HclValue, name: string): readonly HclItem[] {
    if (value.kind !== 'object') throw this.wrong(value.at, `${name} must be a block { … }`)
    return value.items
  }

  /** The setter of a setting, or an error with the nearest name. */
  known<T>(settings: Readonly<Record<string, T>>, item: HclItem, where: string): T {
    const found = Object.hasOwn(settings, item.key) ? settings[item.key] : undefined
    if (found !== undefined) return found
    const near = Object.keys(settings).find((name) => distance(name, item.key) <= 3)
    throw this.wrong(item.at, `"${item.key}" is no setting of ${where}${near ? `; did you mean "${near}"?` : ''}`)
  }
}

type Setter<T> = (source: Source, value: HclValue, draft: T, item: HclItem) => void

const accepted: Setter<Draft> = () => {}

const topLevel: Readonly<Record<string, Setter<Draft>>> = {
  storage: (source, value, draft, item) => {
    if (draft.storage) throw source.wrong(item.at, 'storage is configured twice')
    draft.storage = storageOf(source, value, item)
  },
  listener: (source, value, draft, item) => {
    for (const [type, body] of labelled(source, value, item)) {
      if (type !== 'tcp') throw source.wrong(item.at, `a listener is of type "tcp", not "${type}"`)
      draft.listeners = [...(draft.listeners ?? []), listenerOf(source, body)]
    }
  },
  audit: (source, value, draft, item) => {
    draft.audits = [...(draft.audits ?? []), auditOf(source, value, item)]
  },
  api_addr: (source, value, draft) => void (draft.apiAddr = source.text(value, 'api_addr')),
  cluster_addr: accepted,
  cluster_name: (source, value, draft) => void (draft.clusterName = source.text(value, 'cluster_name')),
  default_lease_ttl: (source, value, draft) =>
    void (draft.defaultLeaseTtl = source.seconds(value, 'default_lease_ttl')),
  max_lease_ttl: (source, value, draft) => void (draft.maxLeaseTtl = source.seconds(value, 'max_lease_ttl')),
  log_level: (source, value, draft) => {
    const level = logLevelOf(source.text(value, 'log_level'))
    if (!level) throw source.wrong(value.at, `log_level is one of ${logLevels}`)
    draft.logLevel = level
  },
  log_format: (source, value, draft) => {
    const format = source.text(value, 'log_format')
    if (format !== 'json' && format !== 'standard') throw source.wrong(value.at, 'log_format is "standard" or "json"')
    draft.logFormat = format
  },
  unsafe_allow_api_audit_creation: (source, value, draft) =>
    void (draft.apiAudit = source.bool(value, 'unsafe_allow_api_audit_creation')),
  disable_mlock: accepted,
  ui: accepted,
  raw_storage_endpoint: (source, value) => {
    if (source.bool(value, 'raw_storage_endpoint')) throw source.wrong(value.at, 'raw_storage_endpoint is not offered')
  },
}

function labelled(source: Source, value: HclValue, item: HclItem): (readonly [string, HclValue])[] {
  const [label] = item.labels
  if (label !== undefined) return [[label, value]]
  const bodies = value.kind === 'list' ? value.items : [value]
  return bodies.flatMap((body) => source.items(body, item.key).map((inner) => [inner.key, inner.value] as const))
}

function storageOf(source: Source, value: HclValue, item: HclItem): Config['storage'] {
  const [found] = labelled(source, value, item)
  const [type, body] = found ?? ['', value]
  if (type === 'inmem') return { type: 'inmem' }
  if (type !== 'level') throw source.wrong(item.at, `storage "${type}" is not known; this server has: level, inmem`)
  const draft: { path?: string; minFreeBytes?: number } = {}
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    path: (inner) => void (draft.path = source.text(inner, 'path')),
    min_free_bytes: (inner) => void (draft.minFreeBytes = source.whole(inner, 'min_free_bytes')),
  }
  for (const inner of source.items(body, 'storage')) source.known(settings, inner, 'storage "level"')(inner.value)
  if (!draft.path) throw source.wrong(item.at, 'storage "level" needs a path')
  return { type, path: draft.path, ...(draft.minFreeBytes !== undefined && { minFreeBytes: draft.minFreeBytes }) }
}

type ListenerDraft = { -readonly [K in keyof ListenerConfig]?: ListenerConfig[K] } & {
  address?: string
  tlsOff?: boolean
  cert?: string
  certKey?: string
  ca?: string
  min?: 'TLSv1.2' | 'TLSv1.3'
}

const listenerSettings: Readonly<Record<string, Setter<ListenerDraft>>> = {
  address: (source, value, draft) => void (draft.address = source.text(value, 'address')),
  cluster_address: () => {},
  tls_disable: (source, value, draft) => void (draft.tlsOff = source.bool(value, 'tls_disable')),
  tls_cert_file: (source, value, draft) => void (draft.cert = source.text(value, 'tls_cert_file')),
  tls_key_file: (source, value, draft) => void (draft.certKey = source.text(value, 'tls_key_file')),
  tls_client_ca_file: (source, value, draft) => void (draft.ca = source.text(value, 'tls_client_ca_file')),
  tls_min_version: (source, value, draft) => {
    const versions: Readonly<Record<string, 'TLSv1.2' | 'TLSv1.3'>> = { tls12: 'TLSv1.2', tls13: 'TLSv1.3' }
    const version = versions[source.text(value, 'tls_min_version')]
    if (!version) throw source.wrong(value.at, 'tls_min_version is "tls12" or "tls13"')
    draft.min = version
  },
  max_request_size: (source, value, draft) => void (draft.maxRequestSize = source.whole(value, 'max_request_size')),
  max_request_duration: (source, value, draft) =>
    void (draft.maxRequestDuration = source.seconds(value, 'max_request_duration')),
  http_read_header_timeout: (source, value, draft) =>
    void (draft.readHeaderTimeout = source.seconds(value, 'http_read_header_timeout')),
  http_idle_timeout: (source, value, draft) => void (draft.idleTimeout = source.seconds(value, 'http_idle_timeout')),
  disable_unauthed_rekey_endpoints: (source, value, draft) =>
    void (draft.unauthedRekey = !source.bool(value, 'disable_unauthed_rekey_endpoints')),
  disable_unauthed_generate_root_endpoints: (source, value, draft) =>
    void (draft.unauthedGenerateRoot = !source.bool(value, 'disable_unauthed_generate_root_endpoints')),
}

/** An address to listen on, `host:port` or `[IPv6]:port`; the host is empty for `:port`. Undefined for anything else. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(parts?.[3])
  return parts && port <= 65535 ? { host: parts[1] ?? parts[2] ?? '', port } : undefined
}

function listenerOf(source: Source, body: HclValue): ListenerConfig {
  const draft: ListenerDraft = {}
  for (const inner of source.items(body, 'listener'))
    source.known(listenerSettings, inner, 'listener "tcp"')(source, inner.value, draft, inner)
  const { address = '127.0.0.1:8200', tlsOff, cert, certKey, ca, min, ...rest } = draft
  const at = hostAndPort(address)
  if (!at) throw source.wrong(body.at, `address "${address}" must be host:port`)
  if (!tlsOff && (!cert || !certKey))
    throw source.wrong(
      body.at,
      'a listener needs tls_cert_file and tls_key_file, or tls_disable = true (on loopback only)',
    )
  return {
    ...rest,
    unauthedRekey: rest.unauthedRekey ?? false,
    unauthedGenerateRoot: rest.unauthedGenerateRoot ?? false,
    host: at.host || '0.0.0.0',
    port: at.port,
    ...(!tlsOff &&
      cert &&
      certKey && {
        tls: { certFile: cert, keyFile: certKey, ...(min && { minVersion: min }), ...(ca && { clientCaFile: ca }) },
      }),
  }
}

function auditOf(source: Source, value: HclValue, item: HclItem): AuditDeviceSpec {
  const [type = '', name = type] = item.labels
  if (type === '') throw source.wrong(item.at, 'an audit block has a type and a name: audit "file" "file" { … }')
  let options: Readonly<Record<string, string>> = {}
  let description = ''
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    description: (inner) => void (description = source.text(inner, 'description')),
    options: (inner) => void (options = optionsOf(source, inner)),
  }
  for (const inner of source.items(value, 'audit')) source.known(settings, inner, `audit "${type}"`)(inner.value)
  return { path: name.endsWith('/') ? name : `${name}/`, type, description, local: false, options }
}

function optionsOf(source: Source, value: HclValue): Record<string, string> {
  return Object.fromEntries(
    source
      .items(value, 'options')
      .map((item) => [
        item.key,
        item.value.kind === 'bool' ? String(item.value.value) : source.text(item.value, item.key),
      ]),
  )
}

/**
 * Reads the configuration from files and folders (their *.hcl and *.json, in order of name). Lists add up.
 * @throws ConfigError naming file and line.
 */
export async function loadConfig(paths: readonly string[]): Promise<Config> {
  const draft: Draft = {}
  for (const file of (await Promise.all(paths.map(filesOf))).flat()) {
    const source = new Source(file)
    for (const item of itemsOf(source, await readFile(file, 'utf8')))
      source.known(topLevel, item, 'the configuration')(source, item.value, draft, item)
  }
  if (!draft.storage)
    throw new ConfigError(
      'the configuration needs a storage block, such as: storage "level" { path = "/var/lib/strongroom" }',
    )
  if (!draft.listeners?.length)
    throw new ConfigError(
      'the configuration needs a listener block, such as: listener "tcp" { address = "127.0.0.1:8200" … }',
    )
  return {
    defaultLeaseTtl: usualTtl,
    maxLeaseTtl: usualTtl,
    logLevel: 'info',
    logFormat: 'standard',
    apiAudit: false,
    audits: [],
    ...draft,
    storage: draft.storage,
    listeners: draft.listeners,
  }
}

async function filesOf(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new ConfigError(`${path}: there is no such file or folder`)
  if (!found.isDirectory()) return [path]
  const names = await readdir(path)
  return names
    .filter((name) => /\.(hcl|json)$/.test(name))
    .sort()
    .map((name) => join(path, name))
}

function itemsOf(source: Source, text: string): readonly HclItem[] {
  try {
    return parseHcl(text)
  } catch (thrown) {
    if (thrown instanceof HclError) throw new ConfigError(`${source.file}:${thrown.at.line}: ${thrown.message}`)
    throw thrown
  }
}

/** How many letters differ (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((row[j] ?? 0) + Number(letter !== other), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    row = next
  }
  return row[b.length] ?? 0
}
