import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** The one way into the core. A protocol is given this and nothing else. */
export interface Gateway {
  /** @throws Fault whatever goes wrong. */
  handle(request: Request): Promise<Response>
}
