import { f } from '../../../../contract/field.ts'
import type { Response } from '../../../../contract/response.ts'

/** Why a request of OAuth or OpenID Connect failed (RFC 6749 4.1.2.1 and 5.2; OpenID Connect Core 3.1.2.6). */
export class OAuthError extends Error {
  readonly error: string

  /** @param error the code. @param description for people; never a secret */
  constructor(error: string, description: string) {
    super(description)
    this.error = error
  }
}

/** The members of a response with such an error. */
export const errorMembers = {
  error: f.string('The code of what is wrong.'),
  error_description: f.string('The same in words.'),
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
