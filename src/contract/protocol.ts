import type { Fault } from './fault.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** The one way into the core. A protocol is given this and nothing else. */
export interface Gateway {
  /**
   * Asked before the body is read, so that a client that asks too often costs nothing more. Gives headers for the answer.
   * @throws Fault rate_limited
   */
  admit(
    head: Omit<Request, 'data'>,
  ): Readonly<Record<string, string>> | undefined | Promise<Readonly<Record<string, string>> | undefined>
  /** Writes a request that cannot be read, or that the protocol itself refuses, to the audit log. @throws Fault `refusal`, or why it could not be written */
  refuse(head: Omit<Request, 'data'>, refusal: Fault): Promise<never>
  /** @throws Fault whatever goes wrong. */
  handle(request: Request): Promise<Response>
}
