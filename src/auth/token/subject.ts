import type { Request } from '../../contract/request.ts'
import { callersToken } from '../../contract/route.ts'
import type { Subject } from '../../contract/route.ts'
import { Secret } from '../../util/secret.ts'

/** The caller's own token. */
export const self: Subject = { token: callersToken }

/** The token that the body or query names. */
export const named: Subject = { token: givenToken }

/** The token that is named, or else the caller's own. */
export const namedOrSelf: Subject = {
  token: (request) => (nothing(request.data['token']) ? callersToken(request) : givenToken(request)),
}

const nothing = (given: unknown): boolean => given === undefined || given === null || given === ''

function givenToken({ data: { token } }: Request): Secret<string> | undefined {
  return typeof token === 'string' && token !== '' ? new Secret(token) : undefined
}
