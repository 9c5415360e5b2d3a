import type { FaultForm } from './wire/form.ts'

/**
 * All ways in which a request can fail. Each protocol maps all of them in one exhaustive table.
 *
 * - `unauthenticated`: no usable token; `permission_denied`: a token, but no policy that allows it.
 * - `not_found`: the record does not exist; `no_route`: no mount; `unsupported_path`: a mount without such a path.
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

/** Details of a fault besides its message. */
export interface FaultDetails extends FaultForm {
  /** The payload of an error response that has one. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly warnings?: readonly string[]
  /** Headers of the response. */
  readonly headers?: Readonly<Record<string, string>>
  /** The server log has this failure already. */
  readonly logged?: true
  readonly cause?: unknown
}

/** The most characters of a message: some quote the input, which may be megabytes long. */
const longestMessage = 16_384

const shortened = (message: string): string =>
  message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message

/**
 * The only error type. Messages say what happened, why, and what to do next; they never contain a secret, a stack or a
 * path of the host, because callers see them.
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

/** Anything thrown, as a Fault. Other errors become `internal` with a fixed message: their own might contain secrets. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  return new Fault('internal', 'internal error', { cause: thrown })
}
