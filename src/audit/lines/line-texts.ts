import type { AuditEvent, AuditMount } from '../../contract/audit.ts'
import type { Fault } from '../../contract/fault.ts'
import type { FormedResponse } from '../../contract/response.ts'
import { errorText } from '../../contract/wire/vault.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** Whether a request lists names. */
export function isListing({ operation }: AuditEvent): boolean {
  return operation === 'list' || operation === 'scan'
}

/** `"mount_point":…,` and the like, ending in a comma; made once per mount. */
export const mountText = perObject((mount: AuditMount): string => {
  const { path, type, accessor } = mount
  const named = { mount_point: path, mount_type: type, mount_accessor: accessor, mount_class: mount.class }
  return `${JSON.stringify(named).slice(1, -1)},`
})

/** Made once per namespace. */
export const namespaceText = perObject(({ id, path }: AuditEvent['namespace']): string =>
  JSON.stringify({ ...(id !== '' && { id }), ...(path !== '' && { path }) }),
)

/** Begins with a comma; made once per rule. */
export const grantingText = perObject(
  (granting: NonNullable<AuditEvent['decision']['granting']>): string =>
    `,"granting_policies":${JSON.stringify(granting)}`,
)

/** `,"error":…` of a fault that has a text. */
export function errorOf(fault: Fault | undefined): string {
  const text = fault && errorText(fault)
  return text === undefined ? '' : `,"error":${JSON.stringify(text)}`
}

/** What a fault answers besides its text. */
export function faultResponse({ details }: Fault): FormedResponse {
  return { ...(details.data && { data: details.data }), ...(details.warnings && { warnings: details.warnings }) }
}

/** A body without envelope, as an object: texts and bytes under the name that Vault gives a raw body. */
export function bodyOf(plain: unknown): unknown {
  if (plain === undefined || plain === null) return undefined
  const bare = typeof plain !== 'object' || plain instanceof Uint8Array
  return bare ? { http_raw_body: plain } : plain
}

/** A list's answer with counts in place of what it lists. */
export function counted(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { keys, key_info: info } = data
  return {
    ...data,
    ...(Array.isArray(keys) && { keys: keys.length }),
    ...(typeof info === 'object' && info !== null && { key_info: Object.keys(info).length }),
  }
}
