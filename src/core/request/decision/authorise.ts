import { Fault, asFault } from '../../../contract/fault.ts'
import type { Caller, TokenRecord } from '../../../contract/identity.ts'
import type { Route } from '../../../contract/route.ts'
import type { Acl } from '../../../policy/acl.ts'
import type { AclOperation, AclQuery, Verdict } from '../../../policy/verdict.ts'
import { destinationOf } from '../../namespaces/namespace.ts'
import { callOf } from '../call.ts'
import { TokenCaller, reachOf } from './caller.ts'
import type { DecidingParts, Draft } from './decision.ts'
import { listFilter } from './list-filter.ts'
import { deniedElsewhere } from './other-paths.ts'

/** The verdict outside of a token's namespace, where none of its policies apply. */
const nothingAllowed: Verdict = { allowed: false, sudo: false, root: false, granting: [] }

/** Checks the policies of a token. @throws Fault permission_denied */
export async function authorise(parts: DecidingParts, draft: Draft, token: TokenRecord, sudo: boolean): Promise<void> {
  const { route } = draft
  const found = parts.acls.of(token)
  const acl = found instanceof Promise ? await found : found
  const reach = reachFrom(parts, draft, token)
  const { data, wrapTtl } = draft.request
  const path = draft.policyPath ?? (reach ?? '') + draft.request.path
  const query = {
    path,
    operation: draft.operation,
    data,
    ...(route && { fields: route.fields }),
    params: draft.params,
    ...(wrapTtl !== undefined && { wrapTtl }),
  }
  const verdict = reach === undefined ? nothingAllowed : acl.decide(query)
  const here = draft.namespace ?? parts.namespaces.root
  draft.caller = new TokenCaller(token, acl, { here, reach, sudo: verdict.sudo, query })
  draft.granting = verdict.granting
  if (verdict.limit !== undefined) draft.limit = verdict.limit
  if (verdict.filters) {
    const home = draft.home ?? parts.namespaces.root
    draft.nameFilter = listFilter((at, listing) => destinationOf(home, at, listing), acl, verdict.filters, path)
  }
  if (!verdict.allowed || (sudo && !verdict.sudo) || isDeniedElsewhere(draft, acl, query, reach ?? ''))
    throw new Fault('permission_denied', 'permission denied')
}

/** Whether a policy denies the same object under another path. */
function isDeniedElsewhere({ route, mount, params }: Draft, acl: Acl, query: AclQuery, reach: string): boolean {
  if (!route || !mount) return false
  return deniedElsewhere({ route, mountPath: mount.apiPath, params, reach }, acl, query) !== undefined
}

/** `create` when the record does not exist yet. A path that cannot be read is an update: its handler refuses it. */
export async function createOrUpdate(
  parts: DecidingParts,
  draft: Draft,
  exists: NonNullable<Route['exists']>,
  token: TokenRecord,
): Promise<AclOperation> {
  draft.caller = await callerOf(parts, draft, token)
  try {
    return (await exists(callOf(draft), draft.params)) ? 'update' : 'create'
  } catch (thrown) {
    if (asFault(thrown).code === 'invalid_request') return 'update'
    throw thrown
  }
}

/** The path of the request's namespace as the caller's policies see it (`reachOf`). Notes the namespace of the token. */
export function reachFrom(parts: DecidingParts, draft: Draft, token: TokenRecord): string | undefined {
  const { namespace = parts.namespaces.root } = draft
  const home = token.namespace === namespace.id ? namespace : parts.namespaces.byId(token.namespace)
  if (home) draft.home = home
  return home === namespace ? '' : reachOf(home, namespace)
}

/** The owner of a token, with the policies that hold for it. */
export async function callerOf(parts: DecidingParts, draft: Draft, token: TokenRecord): Promise<Caller> {
  const acl = await parts.acls.of(token)
  const here = draft.namespace ?? parts.namespaces.root
  return new TokenCaller(token, acl, { here, reach: reachFrom(parts, draft, token), sudo: false })
}
