import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Forms } from '../../contract/field.ts'
import { plainConfig } from '../../contract/mount.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { changedConfig } from './mount-config.ts'
import type { Kind, MountPort } from './mount-port.ts'
import { typeOf, checkVersion, refuseLockout, slashed } from './mount-types.ts'

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

/** The fields of the route that enables a mount. */
export const enableFields = {
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

/** Enables a mount. @throws Fault invalid_request */
export async function enable(mounts: MountPort, kind: Kind, values: EnableValues): Promise<Response> {
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
