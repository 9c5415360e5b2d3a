/**
 * Every way in which a request can fail. Each protocol maps the whole set in one exhaustive table.
 *
 * - `unauthenticated`: no usable token; `permission_denied`: a token, but no policy that allows it.
 * - `not_found`: the thing is not there; `no_route`: no mount; `unsupported_path`: a mount without such a path.
 * - `unavailable`: a dependency failed or is overloaded: nothing was lost, try again.
 */
export type FaultCode =
  | 'invalid_request'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'no_route'
  | 'unsupported_path'
  | 'unsupported_operation'
  | 'unsupported_media'
  | 'precondition_failed'
  | 'too_large'
  | 'rate_limited'
  | 'sealed'
  | 'unavailable'
  | 'internal'

/** What may come with a fault besides its message. */
export interface FaultDetails {
  /** Parts of an answer that go with the error (Vault: a 404 or 400 that has a body). */
  readonly data?: Readonly<Record<string, unknown>>
  readonly warnings?: readonly string[]
  /** The message is the whole text: no "1 error occurred" wrapper. Set for requests that need no token. */
  readonly bare?: boolean
  /** The message goes into the "1 error occurred" wrapper although its code would not. Clients match a few of these. */
  readonly wrapped?: boolean
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** Characters of a message: some quote what was sent, and that may be megabytes. */
const longestMessage = 16_384

const shortened = (message: string): string =>
  message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message

/**
 * The one error type. Messages say what happened, why, and what to do next; they never hold a secret, a stack or a
 * path of the host, because protocols show them to callers.
 */
export class Fault extends Error {
  readonly code: FaultCode
  readonly details: FaultDetails

  constructor(code: FaultCode, message: string, details: FaultDetails = {}) {
    super(shortened(message), details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'Fault'
    this.code = code
    this.details = details
  }
}

/** `invalid_request`: the caller's mistake; nothing was changed. */
export function refuse(message: string, details: FaultDetails = {}): Fault {
  return new Fault('invalid_request', message, details)
}

/** Anything thrown, as a Fault. What is not one already becomes `internal` with a fixed text: its own might hold secrets. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  return new Fault('internal', 'internal error', { cause: thrown })
}
