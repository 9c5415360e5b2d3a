import type { FaultCode } from '../../contract/fault.ts'

/** The HTTP status of every kind of fault. A new code without one does not compile. */
export const statusOf = {
  invalid_request: 400,
  unauthenticated: 403,
  permission_denied: 403,
  not_found: 404,
  no_route: 404,
  unsupported_path: 404,
  unsupported_operation: 405,
  unsupported_media: 415,
  // Not 412: Vault's clients repeat such a request, and a key share would count as the first of a new attempt.
  precondition_failed: 400,
  too_large: 413,
  rate_limited: 429,
  sealed: 503,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<FaultCode, number>
