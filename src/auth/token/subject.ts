import type { Request } from '../../contract/request.ts'
import { callersToken } from '../../contract/route.ts'
import type { Subject } from '../../contract/route.ts'
import { Secret } from '../../util/secret.ts'

/** The caller's own token. */
export const self: Subject = { token: callersToken }

/** The token that the body or query names. */
export const named: Subject = { token: sentToken }

/** The given token, or by default the caller's own. */
export const namedOrSelf: Subject = {
  token: (request) => (isEmpty(request.data['token']) ? callersToken(request) : sentToken(request)),
}

const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === ''

function sentToken({ data: { token } }: Request): Secret<string> | undefined {
  return typeof token === 'string' && token !== '' ? new Secret(token) : undefined
}
