import { posix } from 'node:path'
import type { AuditDeviceSpec } from '../contract/audit.ts'
import { ProfileError } from '../profile/profile.ts'
import { blocksOf } from '../profile/read.ts'
import type { HclItem, HclValue } from '../util/hcl/values.ts'
import { logLevelOf, logLevels } from '../util/log.ts'
import { tcpListener, unixListener } from './listener.ts'
import { lockoutsOf } from './lockout.ts'
import { recoveryUnseals, sealsOf } from './seal.ts'
import { ConfigError, labelled } from './source.ts'
import type { Setter, Source } from './source.ts'
import { telemetryOf } from './telemetry.ts'
import type { Config, ListenerConfig } from './types.ts'
import { witnessOf } from './witness.ts'

/** The settings read so far. */
export type Draft = { -readonly [K in keyof Config]?: Config[K] }

const listenerTypes = { tcp: tcpListener, unix: unixListener } as Readonly<Record<string, typeof tcpListener>>

/** All settings outside blocks, and all blocks. */
export const topLevel: Readonly<Record<string, Setter<Draft>>> = {
  storage: setStorage,
  // Vault's first name for it, still used in old configurations.
  backend: setStorage,
  listener: (source, value, draft, item) => {
    source.eachBlock(value, item, (type, body) => {
      const read = Object.hasOwn(listenerTypes, type) ? listenerTypes[type] : undefined
      if (!read) throw source.wrong(item.at, `a listener is of type "tcp" or "unix", not "${type}"`)
      const fresh = read(source, body)
      if (draft.listeners?.some((listener) => isSameAddress(listener, fresh)))
        throw source.wrong(
          item.at,
          'another listener has this address already: remove one of them, or change its address',
        )
      draft.listeners = [...(draft.listeners ?? []), fresh]
    })
  },
  audit: (source, value, draft, item) => void (draft.audits = auditsOf(source, value, item, draft.audits ?? [])),
  audit_witness: (source, value, draft, item) => {
    source.eachBlock(value, item, (name, body) => {
      draft.witnesses = [...(draft.witnesses ?? []), witnessOf(source, body, name)]
    })
  },
  seal: (source, value, draft, item) => void (draft.seals = sealsOf(source, value, item, draft.seals ?? [])),
  initialize: (source, _, draft, item) => {
    try {
      draft.initialize = [...(draft.initialize ?? []), ...blocksOf(item, draft.initialize ?? [])]
    } catch (thrown) {
      if (!(thrown instanceof ProfileError)) throw thrown
      const { at, message, unknown } = thrown
      throw new ConfigError([{ file: source.file, line: at.line, message, ...unknown }])
    }
  },
  recovery_keys: (source, value, draft) => void (draft.recoveryUnseals = recoveryUnseals(source, value)),
  user_lockout: (source, value, draft, item) =>
    void (draft.userLockout = lockoutsOf(source, value, item, draft.userLockout ?? {})),
  api_addr: (source, value, draft) => void (draft.apiAddr = source.string(value, 'api_addr')),
  cluster_addr: (source, value) => {
    throw source.wrong(value.at, 'cluster_addr: this server is a single one and has no cluster port; leave it out')
  },
  cluster_name: (source, value, draft) => void (draft.clusterName = source.string(value, 'cluster_name')),
  default_lease_ttl: (source, value, draft) =>
    void (draft.defaultLeaseTtl = source.seconds(value, 'default_lease_ttl')),
  max_lease_ttl: (source, value, draft) => void (draft.maxLeaseTtl = source.seconds(value, 'max_lease_ttl')),
  log_level: (source, value, draft) => {
    const level = logLevelOf(source.string(value, 'log_level'))
    if (!level) throw source.wrong(value.at, `log_level is one of ${logLevels}`)
    draft.logLevel = level
  },
  log_format: (source, value, draft) => {
    const format = source.string(value, 'log_format')
    if (format !== 'json' && format !== 'standard') throw source.wrong(value.at, 'log_format is "standard" or "json"')
    draft.logFormat = format
  },
  log_file: (source, value, draft) => {
    const path = source.string(value, 'log_file')
    if (!path.startsWith('/')) throw source.wrong(value.at, 'log_file must be a path that begins with /')
    draft.logFile = path
  },
  backup_folder: (source, value, draft) => {
    const path = source.string(value, 'backup_folder')
    if (!path.startsWith('/')) throw source.wrong(value.at, 'backup_folder must be a path that begins with /')
    draft.backupFolder = posix.normalize(path).replace(/(?<=.)\/$/, '')
  },
  log_rotate_bytes: (source, value, draft) =>
    void (draft.logRotateBytes = source.integer(value, 'log_rotate_bytes', 1)),
  log_rotate_duration: (source, value, draft) =>
    void (draft.logRotateDuration = source.seconds(value, 'log_rotate_duration')),
  log_rotate_max_files: (source, value, draft) => {
    const isNone = value.kind !== 'object' && source.string(value, 'log_rotate_max_files') === '-1'
    draft.logRotateMaxFiles = isNone ? -1 : source.integer(value, 'log_rotate_max_files')
  },
  unsafe_allow_api_audit_creation: (source, value, draft) =>
    void (draft.apiAudit = source.bool(value, 'unsafe_allow_api_audit_creation')),
  telemetry: (source, value, draft) => void (draft.telemetry = telemetryOf(source, value, draft.telemetry)),
  disable_mlock: (source, value) => {
    if (!source.bool(value, 'disable_mlock'))
      throw source.wrong(
        value.at,
        'disable_mlock = false: memory cannot be locked here; write true, and keep it from being swapped with MemorySwapMax=0 or encrypted swap',
      )
  },
  ui: (source, value) => {
    if (source.bool(value, 'ui'))
      throw source.wrong(value.at, 'ui = true: this server has no web pages; write false, or leave it out')
  },
  raw_storage_endpoint: (source, value) => {
    if (source.bool(value, 'raw_storage_endpoint')) throw source.wrong(value.at, 'raw_storage_endpoint is not offered')
  },
}

/** Port 0 is a free one, another one each time. */
const isSameAddress = (a: ListenerConfig, b: ListenerConfig): boolean =>
  a.unix || b.unix ? a.unix?.path === b.unix?.path : a.port !== 0 && a.port === b.port && a.host === b.host

function setStorage(...[source, value, draft, item]: Parameters<Setter<Draft>>): void {
  if (draft.storage) throw source.wrong(item.at, 'storage is configured twice')
  draft.storage = storageOf(source, value, item)
}

/** The storage of a block. @throws ConfigError */
export function storageOf(source: Source, value: HclValue, item: HclItem): Config['storage'] {
  const [found] = labelled(source, value, item)
  const [type, body] = found ?? ['', value]
  if (type === 'inmem') return inMemory(source, body)
  if (type !== 'level') throw source.wrong(item.at, `storage "${type}" is not known; this server has: level, inmem`)
  const draft: { path?: string; minFreeBytes?: number } = {}
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    path: (inner) => void (draft.path = source.string(inner, 'path')),
    min_free_bytes: (inner) => void (draft.minFreeBytes = source.integer(inner, 'min_free_bytes')),
  }
  source.each(source.items(body, 'storage'), (inner) => source.setting(settings, inner, 'storage "level"')(inner.value))
  if (!draft.path) throw source.wrong(item.at, 'storage "level" needs a path')
  return { type, path: draft.path, ...(draft.minFreeBytes !== undefined && { minFreeBytes: draft.minFreeBytes }) }
}

/** It has no settings. */
function inMemory(source: Source, body: HclValue): Config['storage'] {
  source.each(source.items(body, 'storage'), (inner) => void source.setting({}, inner, 'storage "inmem"'))
  return { type: 'inmem' }
}

/** `audit "type" "name" { … }`; in JSON type and name are members around the settings. Without a name it is the type's. */
function auditsOf(
  source: Source,
  value: HclValue,
  item: HclItem,
  before: readonly AuditDeviceSpec[],
): AuditDeviceSpec[] {
  const audits = [...before]
  const add = (body: HclValue, type: string, name: string): void => {
    const spec = auditOf(source, body, type, name)
    if (audits.some(({ path }) => path === spec.path))
      throw source.wrong(item.at, `there is an audit device "${name}" already: give this one another name`)
    audits.push(spec)
  }
  if (labelled(source, value, item).length === 0)
    throw source.wrong(item.at, 'an audit block has a type and a name: audit "file" "file" { … }')
  source.eachBlock(value, item, (type, body) => {
    const [, name] = item.labels
    const members = source.items(body, 'audit')
    if (item.labels.length > 0 || members.some(({ key }) => auditSettings.includes(key)))
      return add(body, type, name ?? type)
    return source.each(members, (member) => add(member.value, type, member.key))
  })
  return audits
}

const auditSettings = ['description', 'options']

function auditOf(source: Source, body: HclValue, type: string, name: string): AuditDeviceSpec {
  let options: Readonly<Record<string, string>> = {}
  let description = ''
  const settings: Readonly<Record<string, (inner: HclValue) => void>> = {
    description: (inner) =>
      void (description = inner.kind === 'string' ? inner.value : source.string(inner, 'description')),
    options: (inner) => void (options = optionsOf(source, inner)),
  }
  source.each(source.items(body, 'audit'), (inner) => source.setting(settings, inner, `audit "${type}"`)(inner.value))
  return { path: name.endsWith('/') ? name : `${name}/`, type, description, local: false, options }
}

function optionsOf(source: Source, value: HclValue): Record<string, string> {
  const options = new Map<string, string>()
  source.each(source.items(value, 'options'), ({ key, value: option }) =>
    options.set(key, option.kind === 'bool' ? String(option.value) : source.string(option, key)),
  )
  return Object.fromEntries(options)
}
