import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Forms } from '../../contract/field.ts'
import { newPath, withoutSlash } from '../../contract/names.ts'
import { apiPathOf, plainConfig } from '../../contract/mount.ts'
import type { MountRecord, MountSpec } from '../../contract/mount.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Alias, Route } from '../../contract/route.ts'
import { changedConfig, configFields } from './mount-config.ts'
import type { TtlBounds } from './mount-config.ts'
import { mountEntry, mountMembers, tuneEntry, tuneMembers } from './mount-view.ts'

/** The mount table, for these routes. Paths are API paths: `X/` or `auth/X/`. */
export interface MountPort {
  list(kind: MountRecord['kind']): readonly MountRecord[]
  /** The mount at exactly this path. */
  at(apiPath: string): MountRecord | undefined
  limits(record: MountRecord): { readonly defaultTtl: number; readonly maxTtl: number }
  readonly ttl: TtlBounds
  /** Versions an engine type offers (KV: 1 and 2); undefined when it has none. */
  versions(type: string): readonly string[] | undefined
  /** Whether failed logins lock users of a type of login method out. */
  locksOut(type: string): boolean
  enable(spec: MountSpec): Promise<void>
  disable(apiPath: string): Promise<void>
  tune(apiPath: string, change: Partial<Pick<MountRecord, 'description' | 'options' | 'config'>>): Promise<void>
}

type Kind = MountRecord['kind']
type Has = { readonly mounts: MountPort }
const { read, write, remove } = routesOf<Has>()

/** `sys/mounts` and `sys/auth`: the table of the namespace, enable, read one, tune, disable. */
export function mountRoutes(): Route<Has>[] {
  return [secrets, auth].flatMap((table) => [...tableRoutes(table), ...tuneRoutes(table)])
}

/** One of the two tables of mounts. */
interface Table {
  readonly kind: Kind
  /** The beginning of its paths. */
  readonly top: string
  readonly plural: string
  readonly access: 'token' | 'sudo'
  /** The other path of a mount: auth methods are read and tuned under two paths, and clients use both. */
  readonly twin: (path: string) => string | undefined
}

const secrets: Table = {
  kind: 'secret',
  top: 'mounts',
  plural: 'secrets engines',
  access: 'token',
  twin: (path) => (path.startsWith('auth/') ? path : undefined),
}
const auth: Table = {
  kind: 'auth',
  top: 'auth',
  plural: 'auth methods',
  access: 'sudo',
  twin: (path) => `mounts/auth/${path}`,
}

/** The options as a type adds to them: `kv-v2` is `kv` with version 2. */
function mountOptions(type: unknown, options: unknown): Readonly<Record<string, string>> {
  const { version } = typeof type === 'string' ? typeOf(type) : {}
  return { ...optionsField.parse(options), ...(version && { version }) }
}

const requestedType = (type: unknown, { plugin_name: plugin }: Readonly<Record<string, unknown>>): unknown =>
  type === 'plugin' ? plugin : type

const typeForms: Forms = (value, others) => {
  const requested = requestedType(value, others)
  if (typeof requested !== 'string') return []
  const { type } = typeOf(requested)
  if (type === 'generic') return [requested, 'kv', 'kv-v1']
  return type === 'kv'
    ? [requested, type, `kv-v${mountOptions(requested, others['options'])['version'] ?? '1'}`]
    : [requested]
}

const optionForms: Forms = (value, others) => {
  const requested = requestedType(others['type'], others)
  return typeof requested === 'string' && typeOf(requested).type === 'kv'
    ? [{ version: '1', ...mountOptions(requested, value) }]
    : []
}

const optionsField = f.map('')

const enableFields = {
  path: f.string('The path of the mount.').or(''),
  type: f.string('Which engine, e.g. transit.').reads(typeForms).or(''),
  description: f.string('A description for people.').or(''),
  config: f.object('Settings, as for tune.').or({}),
  options: f.map('Options of the engine, e.g. version.').reads(optionForms),
  local: f.bool('Kept on this cluster only.').or(false),
  seal_wrap: f.bool('Accepted for compatibility: everything is wrapped already.').or(false),
  external_entropy_access: f.bool('Accepted for compatibility.').or(false),
  plugin_name: f.string('The type, when `type` is the older "plugin".').alias('type').or(''),
  plugin_version: f.string('Refused: engines are part of this server.').or(''),
}

const tuneFields = {
  path: enableFields.path,
  description: f.string('A description for people.'),
  options: f.map('Options of the engine; "" removes one.'),
  ...configFields,
}

const path = { path: enableFields.path }
const canonical = { path: withoutSlash }

function tableRoutes({ kind, top, plural, access, twin }: Table): Route<Has>[] {
  const alias: Alias = ({ path: mount = '' }) => twin(mount)
  const all = (mounts: MountPort) =>
    Object.fromEntries(mounts.list(kind).map((record) => [record.path, mountEntry(record)]))
  return [
    read(top, {
      about: `List the enabled ${plural}.`,
      returns: injected({ '*': f.object('A mount, by its path.') }),
      handle: ({ engine }) => ({ data: all(engine.mounts), inject: true }),
    }),
    read(`${top}/*path`, {
      about: `Read one of the ${plural}.`,
      returns: injected(mountMembers),
      access,
      canonical,
      alias,
      fields: path,
      handle: ({ engine }, values) => repeated(mountEntry(existing(engine.mounts, kind, values.path))),
    }),
    write(`${top}/*path`, {
      about: `Enable one of the ${plural}.`,
      access,
      canonical: { path: newPath },
      fields: enableFields,
      handle: async ({ engine }, values) => enable(engine.mounts, kind, values),
    }),
    remove(`${top}/*path`, {
      about: `Disable one of the ${plural} and remove all its data.`,
      access,
      canonical,
      fields: path,
      handle: async ({ engine }, values) => disable(engine.mounts, kind, values.path),
    }),
  ]
}

function tuneRoutes({ kind, top, access, twin }: Table): Route<Has>[] {
  const alias: Alias = ({ path: mount = '' }) => {
    const other = twin(mount)
    return other && `${other}/tune`
  }
  return [
    read(`${top}/*path/tune`, {
      about: 'Read the settings in force.',
      returns: injected(tuneMembers),
      access,
      canonical,
      alias,
      fields: path,
      handle: ({ engine: { mounts } }, values) => {
        const record = existing(mounts, kind, values.path)
        return repeated(tuneEntry(record, mounts.limits(record).maxTtl, mounts.ttl.default))
      },
    }),
    write(`${top}/*path/tune`, {
      about: 'Change settings.',
      access,
      canonical,
      alias,
      fields: tuneFields,
      handle: async ({ engine: { mounts }, request }, values) =>
        tune(mounts, tunable(mounts, kind, values.path), request.data, values),
    }),
  ]
}

const repeated = (data: Readonly<Record<string, unknown>>): Response => ({ ...answer(data), inject: true })
const slashed = (at: string): string => (at.endsWith('/') ? at : `${at}/`)

const apiPathAt = (kind: Kind, at: string): string => (kind === 'auth' ? `auth/${slashed(at)}` : slashed(at))

function tunable(mounts: MountPort, kind: Kind, at: string): MountRecord {
  const apiPath = apiPathAt(kind, at)
  const record = mounts.at(apiPath)
  if (!record) throw refuse(`tune of path "${apiPath}" failed: no mount entry found`)
  return record
}

function existing(mounts: MountPort, kind: Kind, at: string): MountRecord {
  const record = mounts.at(apiPathAt(kind, at))
  if (!record)
    throw refuse(
      `No ${kind === 'auth' ? 'auth' : 'secret'} engine mount at ${slashed(at)}; list the mounts with sys/${kind === 'auth' ? 'auth' : 'mounts'}`,
    )
  return record
}

const reserved = ['sys/', 'auth/', 'audit/', 'cubbyhole/', 'identity/']

type EnableValues = {
  readonly path: string
  readonly type: string
  readonly description: string
  readonly config: Readonly<Record<string, unknown>>
  readonly options: Readonly<Record<string, string>> | undefined
  readonly local: boolean
  readonly seal_wrap: boolean
  readonly external_entropy_access: boolean
  readonly plugin_name: string
  readonly plugin_version: string
}

async function enable(mounts: MountPort, kind: Kind, values: EnableValues): Promise<Response> {
  const at = slashed(values.path)
  const typeName = values.type === 'plugin' ? values.plugin_name : values.type
  if (typeName === '') throw refuse('backend type must be specified as a string')
  if (values.plugin_version !== '') throw refuse('plugin_version cannot be set: engines are part of this server')
  if (kind === 'secret' && reserved.some((name) => at.startsWith(name))) throw refuse(`cannot mount "${at}"`)
  const { type, version } = typeOf(typeName)
  if (['token', 'system', 'cubbyhole', 'identity'].includes(type))
    throw refuse(`"${type}" is built in and cannot be enabled a second time`)
  const options = { ...values.options, ...(version && { version }) }
  checkVersion(mounts, type, options['version'])
  if (kind === 'auth') refuseLockout(mounts, type, values.config)
  await mounts.enable({
    kind,
    path: at,
    type,
    description: values.description,
    config: changedConfig(plainConfig, values.config, kind, mounts.ttl),
    options,
    local: values.local,
    sealWrap: values.seal_wrap,
    externalEntropyAccess: values.external_entropy_access,
  })
  return done()
}

/** `kv-v2` is `kv` with version 2. */
function typeOf(type: string): { readonly type: string; readonly version?: string } {
  const alias = /^kv-v([12])$/.exec(type)
  return alias ? { type: 'kv', version: alias[1] as string } : { type }
}

function checkVersion(mounts: MountPort, type: string, version: string | undefined): void {
  if (version === undefined) return
  const offered = mounts.versions(type)
  if (!offered) throw refuse(`engines of type "${type}" have no versions; leave options.version out`)
  if (!offered.includes(version)) throw refuse(`invalid version provided: ${version}`)
}

async function disable(mounts: MountPort, kind: Kind, at: string): Promise<Response> {
  const apiPath = apiPathAt(kind, at)
  const record = mounts.at(apiPath)
  if (record?.builtin) throw refuse(`cannot unmount "${apiPath}"`)
  if (record?.kind === kind) await mounts.disable(apiPath)
  return done()
}

type Data = Readonly<Record<string, unknown>>
interface TuneValues {
  readonly description: string | undefined
  readonly options: Readonly<Record<string, string>> | undefined
}

async function tune(mounts: MountPort, record: MountRecord, params: Data, values: TuneValues): Promise<Response> {
  if (Object.hasOwn(params, 'plugin_version'))
    throw refuse('plugin_version cannot be set: engines are part of this server')
  if (record.builtin && record.kind === 'secret') refuseProtected(record, params)
  refuseForeign(record, params)
  if (record.kind === 'auth') refuseLockout(mounts, record.type, params)
  if (record.type === 'token' && Object.hasOwn(params, 'token_type'))
    throw refuse('token_type cannot be set on the token mount: it makes both kinds')
  const config = changedConfig(record.config, settings(params), record.kind, mounts.ttl)
  const options = values.options && changedOptions(mounts, record, values.options)
  await mounts.tune(apiPathOf(record), {
    config,
    ...(values.description !== undefined && { description: values.description }),
    ...(options && { options }),
  })
  const version = options?.['version']
  const upgraded =
    version !== undefined && version !== (record.options?.['version'] ?? mounts.versions(record.type)?.[0])
  return done(upgraded ? [`${record.path} was upgraded to version ${version}`] : [])
}

// `force_no_cache` is set when a mount is enabled; tune ignores it.
const settings = (params: Data): Data =>
  Object.fromEntries(
    Object.entries(params).filter(([name]) => name !== 'force_no_cache' && Object.hasOwn(configFields, name)),
  )

function refuseProtected(record: MountRecord, params: Data): void {
  const other = Object.keys(params).find(
    (name) => !['audit_non_hmac_request_keys', 'audit_non_hmac_response_keys', 'path'].includes(name),
  )
  if (other) throw refuse(`${other} cannot be changed on ${record.path}: the mount is part of the server`)
}

function refuseForeign(record: MountRecord, params: Data): void {
  if (record.kind === 'auth') return
  const foreign = ['token_type', 'user_lockout_config'].find(
    (name) => Object.hasOwn(params, name) && !isEmpty(params[name]),
  )
  if (foreign) throw refuse(`${foreign} is a setting of auth methods; ${record.path} is a secrets engine`)
}

function refuseLockout(mounts: MountPort, type: string, params: Data): void {
  if (Object.hasOwn(params, 'user_lockout_config') && !isEmpty(params['user_lockout_config']) && !mounts.locksOut(type))
    throw refuse(`tuning of user lockout configuration for auth type "${type}" not allowed`)
}

const isEmpty = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0

/** An option that is sent as "" is removed. A version can only go up. */
function changedOptions(
  mounts: MountPort,
  record: MountRecord,
  params: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const version = params['version']
  checkVersion(mounts, record.type, version)
  const old = record.options?.['version'] ?? mounts.versions(record.type)?.[0]
  if (version !== undefined && old !== undefined && Number(version) < Number(old))
    throw refuse(`cannot downgrade mount from version ${old}`)
  const merged = { ...record.options, ...params }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''))
}
