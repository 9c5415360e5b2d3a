import type { Capability } from '../../../contract/identity.ts'
import { apiPath } from '../../../contract/request.ts'
import type { ApiPath } from '../../../contract/request.ts'
import type { Acl } from '../../../policy/acl.ts'
import type { AclOperation } from '../../../policy/verdict.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import { deniedElsewhere, whereLeads } from './other-paths.ts'

const decidedOperations: readonly Exclude<AclOperation, 'help'>[] = [
  'create',
  'read',
  'update',
  'delete',
  'list',
  'scan',
  'patch',
]

/**
 * The capabilities of a token's owner on a path, in alphabetical order: a capability is listed when a plain request (no
 * parameters) would be allowed. `root` and `deny` stand alone.
 * @param home the namespace of the token
 * @param rawPath as `home` sees it
 */
export function capabilitiesAt(acl: Acl, home: Namespace, rawPath: string): readonly Capability[] {
  const trimmed = rawPath.startsWith('/') ? rawPath.slice(1) : rawPath
  const byRule = acl.capabilities(trimmed)
  const path = apiPath(trimmed)
  if (acl.root || path === undefined) return byRule
  const changed = decidedOperations.filter(
    (operation) => isAllowed(acl, home, path, operation, byRule) !== byRule.includes(operation),
  )
  if (changed.length === 0) return byRule
  const left = decidedOperations.filter((operation) => byRule.includes(operation) !== changed.includes(operation))
  if (left.length === 0) return ['deny']
  return [...left, ...byRule.filter((one) => one === 'sudo')].sort()
}

function isAllowed(
  acl: Acl,
  home: Namespace,
  path: ApiPath,
  operation: (typeof decidedOperations)[number],
  byRule: readonly Capability[],
): boolean {
  const found = whereLeads(home, path, operation)
  if (!found?.place) return byRule.includes(operation)
  // As recorded: a mount's path without its slash is not a path in the mount.
  const isSame = found.path === path || found.path === `${path}/`
  const granted = isSame ? byRule : acl.capabilities(found.path)
  if (!granted.includes(operation)) return false
  const query = { path: found.path, operation, data: {}, fields: found.route.fields, params: found.place.params }
  return deniedElsewhere(found.place, acl, query) === undefined
}
