import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { changedConfig, configFields } from './mount-config.ts'
import type { MountPort } from './mount-port.ts'
import { checkVersion, refuseLockout, isEmpty } from './mount-types.ts'
import { enableFields } from './enable.ts'

type Data = Readonly<Record<string, unknown>>

/** The fields of the route that changes the settings of a mount. */
export const tuneFields = {
  path: enableFields.path,
  description: f.string('A description for people.'),
  options: f.map('Options of the engine; "" removes one.'),
  ...configFields,
}

interface TuneValues {
  readonly description: string | undefined
  readonly options: Readonly<Record<string, string>> | undefined
}

/** Changes settings of a mount. @param params as they were sent; `values`: as they were read. @throws Fault invalid_request */
export async function tune(
  mounts: MountPort,
  record: MountRecord,
  params: Data,
  values: TuneValues,
): Promise<Response> {
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
