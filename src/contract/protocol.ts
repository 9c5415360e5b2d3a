import type { Fault } from './fault.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** The entry to the core. Protocols get this and nothing else. */
export interface Gateway {
  /**
   * Called before the body is read, so that a client over its quota costs nothing more. Returns headers for the response.
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
