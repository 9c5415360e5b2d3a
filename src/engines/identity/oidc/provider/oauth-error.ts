import { f } from '../../../../contract/field.ts'
import type { Response } from '../../../../contract/response.ts'

/** The failure of a request of OAuth or OpenID Connect (RFC 6749 4.1.2.1 and 5.2; OpenID Connect Core 3.1.2.6). */
export class OAuthError extends Error {
  readonly error: string

  /** @param error the code. @param description for a human reader; never a secret */
  constructor(error: string, description: string) {
    super(description)
    this.error = error
  }
}

/** The fields of a response with such an error. */
export const errorMembers = {
  error: f.string('The error code.'),
  error_description: f.string('A description of the error.'),
}

/** Runs work; an `OAuthError` that it throws becomes the response of `failed`. */
export async function withOAuthErrors(
  work: () => Promise<Response>,
  failed: (error: OAuthError) => Response,
): Promise<Response> {
  try {
    return await work()
  } catch (thrown) {
    if (thrown instanceof OAuthError) return failed(thrown)
    throw thrown
  }
}
