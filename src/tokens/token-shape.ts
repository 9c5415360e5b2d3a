import type { TokenRecord } from '../contract/identity.ts'
import type { Wrapped } from '../contract/response.ts'
import { parseCidr } from '../util/cidr.ts'
import {
  isCount,
  isFlag,
  isListOf,
  isMapOf,
  isName,
  isObject,
  isOneOf,
  isText,
  isTime,
  orAbsent,
  orNull,
  shapeOf,
} from '../util/stored/shape.ts'

/** The shape of what leads from an accessor to its token. */
export const accessorShape = shapeOf<{ readonly id: string }>('an accessor', { id: isName })

/** The shape of the response that a token carries. */
export const carriedShape = shapeOf<Wrapped>('a wrapped answer', {
  response: isObject,
  requestId: isText,
  creationPath: isText,
  creationTime: isTime,
  creationTtl: isCount,
})

/** The shape of a stored token. */
export const tokenShape = shapeOf<TokenRecord>(
  'a token',
  {
    id: isName,
    accessor: isText,
    type: isOneOf('service'),
    namespace: isName,
    parent: orAbsent(isName),
    policies: isListOf(isName),
    path: isText,
    role: orAbsent(isName),
    meta: orNull(isMapOf(isText)),
    displayName: isText,
    issuedAt: isTime,
    creationTtl: isCount,
    expiresAt: orNull(isTime),
    explicitMaxTtl: isCount,
    period: isCount,
    numUses: isCount,
    usesLeft: orAbsent(isCount),
    renewable: isFlag,
    lastRenewedAt: orAbsent(isTime),
    boundCidrs: isListOf((cidr) => typeof cidr === 'string' && parseCidr(cidr) !== undefined),
    entityId: isText,
    mount: orAbsent(isName),
    loginData: orAbsent(isObject),
    ceiling: orAbsent(isListOf(isName)),
  },
  // A missing member must not make a token more powerful: no end is for root alone, and no count is no limit.
  ({ policies, expiresAt, numUses, usesLeft }) =>
    (expiresAt !== null || policies.includes('root')) && (numUses === 0 || (usesLeft ?? Infinity) <= numUses),
)
