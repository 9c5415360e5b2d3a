import { Fault } from '../contract/fault.ts'
import type { Request } from '../contract/request.ts'
import { anyone } from './caller.ts'
import type { Decision } from './decide.ts'
import type { Quotas } from './quotas.ts'
import type { Taken } from './rate-limit.ts'
import type { Router } from './router.ts'

/** What is known of a request before its body is read. */
export type RequestHead = Omit<Request, 'data'>

/** Whether a request may go on, with headers for its answer. */
export interface Admission {
  readonly headers?: Readonly<Record<string, string>>
  /** The request in the form in which the audit log takes it. */
  readonly rejected?: Decision & { readonly refusal: Fault }
}

/** Counts a request against the quota that is for it, if there is one. */
export function admission(open: { readonly router: Router; readonly quotas: Quotas }, head: RequestHead): Admission {
  const { quotas, router } = open
  if (!quotas.any) return {}
  const mount = router.mountOf(head.path)
  const taken = quotas.take({
    path: head.path,
    mount: mount?.record.uuid,
    rest: mount ? head.path.slice(mount.apiPath.length) : '',
    address: head.client.address,
  })
  if (!taken) return {}
  const headers = quotas.config.headers ? told(taken) : {}
  if (taken.allowed) return { headers }
  const refusal = new Fault('rate_limited', `request path "${head.path}": rate limit quota exceeded`, {
    bare: true,
    headers: { ...headers, 'Retry-After': String(taken.retryAfter) },
  })
  const operation = head.operation === 'write' ? 'update' : head.operation
  return {
    rejected: { operation, caller: anyone, params: {}, lastUse: false, granting: [], ...(mount && { mount }), refusal },
  }
}

function told({ window }: Taken): Readonly<Record<string, string>> {
  if (!window) return {}
  return {
    'X-RateLimit-Limit': String(window.limit),
    'X-RateLimit-Remaining': String(window.remaining),
    'X-RateLimit-Reset': String(window.reset),
  }
}
