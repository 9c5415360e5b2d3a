import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import type { Passcodes } from '../../contract/wire/mfa.ts'
import type { Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'
import { issueToken, policiesOf } from './issue-token.ts'
import type { IssuingParts } from './issue-token.ts'
import type { PendingLogin } from './pending-logins.ts'

/** The parts that go on with a login. */
export interface CompletingParts extends IssuingParts {
  readonly namespaces: Pick<Namespaces, 'byId'>
}

/** Whether a login waits under an id, in the namespace that the request is for. */
export function isPending(
  { pendingLogins, namespaces }: CompletingParts,
  { namespace }: Pick<Request, 'namespace'>,
  id: string,
): boolean {
  const found = pendingLogins.get(id)
  return found !== undefined && namespaces.byId(found.namespace)?.path === namespace
}

/**
 * Completes a login that waits for its second factor. Its user, entity, address and enforcements are checked again with
 * their current state; after a wrong passcode it still waits.
 * @throws Fault invalid_request if no login waits under the id; permission_denied if it does not get its token
 */
export async function completeLogin(
  parts: CompletingParts,
  request: Pick<Request, 'namespace' | 'client'>,
  id: string,
  passcodes: Passcodes,
): Promise<FormedResponse> {
  const pending = isPending(parts, request, id) ? parts.pendingLogins.get(id) : undefined
  if (!pending) throw noLogin()
  const decision = await decisionOfToday(parts, pending, request)
  if (!decision) {
    parts.pendingLogins.claim(id)
    throw new Fault('permission_denied', 'the user or role of this login has changed since: log in again')
  }
  const claim = (): void => {
    if (!parts.pendingLogins.claim(id)) throw noLogin()
  }
  return issueToken(parts, decision, pending.response, { passcodes, claim })
}

const noLogin = (): Fault => refuse('invalid request ID: no login waits under it, or not any more; log in again')

/**
 * The decision with the current mount, for the sender of the passcode. Undefined: the mount no longer exists, or would not renew
 * the token.
 */
async function decisionOfToday(
  { namespaces }: CompletingParts,
  pending: PendingLogin,
  { client }: Pick<Request, 'client'>,
): Promise<PendingLogin['decision'] | undefined> {
  const { decision, response, namespace: home, mount: uuid } = pending
  const namespace = namespaces.byId(home)
  const mount = namespace?.mounts.router.all().find(({ record }) => record.uuid === uuid)
  if (!namespace || !mount) return undefined
  const today = { ...decision, namespace, mount, request: { ...decision.request, client } }
  if (!mount.engine.renew || !response.login.data) return today
  try {
    // With the certificates of the login: the sender of the passcode may use another connection.
    await namespace.mounts.renewal(recordOf(pending), decision.request)
    return today
  } catch (thrown) {
    if (asFault(thrown).code === 'invalid_request') return undefined
    throw thrown
  }
}

/** The record of the token of a login, for checks of renewals: it has neither an id nor a TTL. */
function recordOf({ decision, response: { login }, namespace, mount }: PendingLogin): TokenRecord {
  const { metadata: meta, displayName, explicitMaxTtl, period, numUses, renewable, boundCidrs, data } = login
  const times = { issuedAt: 0, creationTtl: 0, expiresAt: null, explicitMaxTtl, period }
  const { path } = decision.request
  const bounds = { numUses, renewable, boundCidrs, entityId: '', policies: policiesOf(login) }
  return {
    id: '',
    accessor: '',
    type: 'service',
    namespace,
    path,
    meta,
    displayName,
    ...times,
    ...bounds,
    mount,
    ...(data && { loginData: data }),
  }
}
