import type { AuditEvent, AuditMount } from '../contract/audit.ts'
import type { MountRecord } from '../contract/mount.ts'
import { rootNamespace } from '../contract/identity.ts'
import type { Request } from '../contract/request.ts'
import type { Decision } from './decide.ts'
import type { Mount } from './mount.ts'

/** What the audit log is told of a request. */
export function eventOf(request: Request, decision: Decision): AuditEvent {
  const { refusal, granting, mount, route, caller } = decision
  return {
    request,
    operation: decision.operation,
    ...(caller.token && { token: caller.token }),
    decision: {
      allowed: refusal === undefined,
      granting: granting.map((name) => ({ name, namespace_id: rootNamespace, type: 'acl' as const })),
      ...(refusal && { error: refusal }),
    },
    ...(mount && { mount: auditMount(mount) }),
    pure: refusal !== undefined || (route?.pure ?? true),
    neverRaw: route?.whenSealed ?? false,
  }
}

const described = new WeakMap<MountRecord, AuditMount>()

function auditMount(mount: Mount): AuditMount {
  const known = described.get(mount.record)
  if (known) return known
  const { type, kind, accessor, config } = mount.record
  const fresh: AuditMount = {
    path: mount.apiPath,
    type,
    accessor,
    class: type === 'system' ? 'system' : kind,
    ...(config.audit_non_hmac_request_keys && { openRequestKeys: config.audit_non_hmac_request_keys }),
    ...(config.audit_non_hmac_response_keys && { openResponseKeys: config.audit_non_hmac_response_keys }),
  }
  described.set(mount.record, fresh)
  return fresh
}
