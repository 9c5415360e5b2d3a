import type { AuditEvent, AuditMount } from '../../contract/audit.ts'
import type { Fault } from '../../contract/fault.ts'
import { rootNamespace } from '../../contract/identity.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { perObject } from '../../util/caches/per-object.ts'
import type { Decision } from './decision/decision.ts'
import type { Namespace } from '../namespaces/namespace.ts'

/** The audit event of a request. */
export function eventOf(decision: Decision): AuditEvent {
  const { request, namespace, refusal, granting, mount, route, caller } = decision
  return {
    request,
    namespace: namespace?.label ?? { id: '', path: request.namespace },
    operation: decision.operation,
    ...(caller.token && { token: caller.token }),
    ...(caller.principal && { principal: caller.principal }),
    decision: {
      allowed: refusal === undefined || (granting.length > 0 && isMissing(refusal)),
      granting: grantingOf(granting, decision.home),
      ...(refusal && { error: refusal }),
    },
    ...(mount && { mount: auditMount(mount.record, mount.apiPath) }),
    pure: !isChange(decision),
    ...(respondsUnaudited(decision) && { responseUnaudited: true }),
    // A share that was sent to a mistyped path, or with a wrong verb, found no route with this flag.
    neverRaw: route?.neverRaw ?? true,
  }
}

/** Refusals because a path does not exist: after a policy has allowed the request, they are not denials. */
const isMissing = ({ code }: Fault): boolean => code === 'no_route' || code === 'unsupported_path' || code === 'unsupported_operation' // prettier-ignore

/** Only a plain status is answered without an audit line: a wrapped response creates a token, and a counted token changes. */
function respondsUnaudited({ request, refusal, route, countedToken }: Decision): boolean {
  return route?.responseUnaudited === true && refusal === undefined && !countedToken && request.wrapTtl === undefined
}

/** Whether the request may change something. If so, the audit log has it before that. */
function isChange({ refusal, countedToken, route, request, operation }: Decision): boolean {
  if (countedToken) return true
  if (refusal || !route) return false
  return !route.pure || operation === 'create' || request.wrapTtl !== undefined
}

type Granting = NonNullable<AuditEvent['decision']['granting']>

/** The policies that allowed it. A rule's list of names is one object, and so is the description of it. */
const grantingOf = perObject((names: readonly string[], home: Namespace | undefined): Granting => {
  const { id = rootNamespace, path = '' } = home ?? {}
  const of = { namespace_id: id, ...(path !== '' && { namespace_path: path }) }
  return names.map((name) => ({ name, ...of, type: 'acl' as const }))
})

/** A mount with other settings has another record. */
const auditMount = perObject((record: MountRecord, path: string): AuditMount => {
  const { type, kind, accessor, config } = record
  return {
    path,
    type,
    accessor,
    class: type === 'system' ? 'system' : kind,
    ...(config.audit_non_hmac_request_keys && { rawRequestKeys: config.audit_non_hmac_request_keys }),
    ...(config.audit_non_hmac_response_keys && { rawResponseKeys: config.audit_non_hmac_response_keys }),
  }
})
