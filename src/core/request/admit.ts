import { Fault } from '../../contract/fault.ts'
import type { Request } from '../../contract/request.ts'
import { anyone } from './decision/caller.ts'
import type { Decision } from './decision/decision.ts'
import { namespaceOf, seenFrom } from '../namespaces/namespace.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'
import type { Counted, Quotas } from '../quotas/quotas.ts'
import type { Taken } from '../quotas/rate-limit.ts'

/** A request before its body is read. */
export type RequestHead = Omit<Request, 'data'>

/** Whether a request may continue, with headers for its response. */
export interface Admission {
  readonly headers?: Readonly<Record<string, string>>
  /** The request in the form for the audit log. */
  readonly rejected?: Decision & { readonly refusal: Fault }
}

/** The parts of an unsealed server that count requests. */
export interface Counting {
  readonly namespaces: Namespaces
  readonly quotas: Quotas
}

/** Counts a request against its quota, if there is one. @param role of a login, where `loginRoleOf` found it */
export function admission(unsealed: Counting, sent: RequestHead, role?: string): Admission {
  const { quotas } = unsealed
  if (!quotas.any) return {}
  const { head, namespace, mount, counted } = placed(unsealed, sent)
  const taken = quotas.take({ ...counted, role })
  if (!taken) return {}
  const headers = quotas.config.headers ? limitHeaders(taken) : {}
  if (taken.allowed) return { headers }
  const refusal = new Fault('rate_limited', `request path "${head.path}": rate limit quota exceeded`, {
    headers: { ...headers, 'Retry-After': String(taken.retryAfter) },
  })
  const rejected = { ...refused(head, refusal), ...(namespace && { namespace }), ...(mount && { mount }) }
  return { rejected }
}

/** A request as quotas see it. One to a missing namespace counts in the root namespace, which would refuse it. */
export function placed({ namespaces }: Counting, sent: RequestHead) {
  const namespace = namespaceOf(namespaces.root, sent)
  const head = namespace ? seenFrom(namespace, sent) : sent
  const mount = namespace?.mounts.router.mountOf(head.path)
  const counted: Counted = {
    path: head.namespace + head.path,
    namespace: namespace ?? namespaces.root,
    mount: mount?.record.uuid,
    rest: mount ? head.path.slice(mount.apiPath.length) : '',
    address: head.client.address,
  }
  return { head, namespace, mount, counted }
}

/** The decision that the audit log records for a request that was refused before its body was read. */
export function refusedHead(
  unsealed: { readonly namespaces: Namespaces } | undefined,
  sent: RequestHead,
  refusal: Fault,
): Required<Admission>['rejected'] {
  const namespace = unsealed && namespaceOf(unsealed.namespaces.root, sent)
  if (!namespace) return refused(sent, refusal)
  const head = seenFrom(namespace, sent)
  const mount = namespace.mounts.router.mountOf(head.path)
  return { ...refused(head, refusal), namespace, ...(mount && { mount }) }
}

function refused(head: RequestHead, refusal: Fault): Required<Admission>['rejected'] {
  const operation = head.operation === 'write' ? 'update' : head.operation
  return { request: { ...head, data: {} }, operation, caller: anyone, params: {}, granting: [], refusal }
}

function limitHeaders({ window }: Taken): Readonly<Record<string, string>> {
  if (!window) return {}
  return {
    'X-RateLimit-Limit': String(window.limit),
    'X-RateLimit-Remaining': String(window.remaining),
    'X-RateLimit-Reset': String(window.reset),
  }
}
