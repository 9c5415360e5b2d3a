import type { MountConfig, MountRecord } from '../../contract/mount.ts'
import { hasMembers, isCount, isFlag, isListOf, isMapOf, isName, isOneOf, isText, orAbsent, orNull, shapeOf } from '../../util/stored/shape.ts' // prettier-ignore

/** The shape of a row of the mount table. */
export const mountShape = shapeOf<MountRecord>('a mount', {
  uuid: isName,
  namespace: isName,
  kind: isOneOf('secret', 'auth'),
  path: (value) => typeof value === 'string' && /^(?:[^/]+\/)+$/.test(value),
  type: isName,
  accessor: isName,
  description: isText,
  config: isConfig,
  options: orNull(isMapOf(isText)),
  local: isFlag,
  sealWrap: isFlag,
  externalEntropyAccess: isFlag,
  builtin: isFlag,
  removing: orAbsent(isFlag),
})

function isConfig(value: unknown): boolean {
  const names = orAbsent(isListOf(isText))
  return hasMembers<MountConfig>(value, {
    default_lease_ttl: isCount,
    max_lease_ttl: isCount,
    force_no_cache: isFlag,
    listing_visibility: orAbsent(isText),
    audit_non_hmac_request_keys: names,
    audit_non_hmac_response_keys: names,
    passthrough_request_headers: names,
    allowed_response_headers: names,
    token_type: orAbsent(isText),
    user_lockout_config: orAbsent(isMapOf((one) => typeof one === 'number' || typeof one === 'boolean')),
  })
}
