import type { Renewal } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { authBlock } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call } from '../../contract/route.ts'
import { effectiveTtl, smallerLimit } from '../../contract/token-params.ts'
import { Secret } from '../../util/secret.ts'
import { byAccessor } from './lookup.ts'
import { roleNamed } from './role.ts'
import { principalOf } from './state.ts'
import type { TokenState } from './state.ts'
import { named, self } from './subject.ts'

const { write } = routesOf<TokenState>()
const increment = { increment: f.duration('The TTL from now on; 0: as last time.').or(0) }
const tokenField = { token: f.any('The token.') }

/** `auth/token/renew`, `renew-self` and `renew-accessor`. */
export const renewRoutes = [
  write('renew', {
    about: 'Renew a token.',
    returns: newToken,
    subject: named,
    fields: { ...tokenField, ...increment },
    handle: async (call, values) => {
      if (values.token === undefined || values.token === null || values.token === '') throw refuse('missing token ID')
      if (typeof values.token !== 'string') throw new Fault('unauthenticated', 'invalid token')
      const record = await call.engine.tokens.resolve(new Secret(values.token))
      if (!record) throw refuse('token not found')
      return renew(call, record, values.token, values.increment)
    },
  }),
  write('renew-self', {
    about: "Renew the caller's own token.",
    returns: newToken,
    subject: self,
    fields: { ...tokenField, ...increment },
    handle: async (call, values) => {
      const { caller, request } = call
      if (!caller.token || request.credential.kind !== 'token') throw new Fault('unauthenticated', 'permission denied')
      return renew(call, caller.token, request.credential.token.reveal(), values.increment)
    },
  }),
  write('renew-accessor', {
    about: 'Renew a token by its accessor.',
    returns: newToken,
    fields: { accessor: f.string('The accessor.').or(''), ...increment },
    handle: async (call, values) => renew(call, await byAccessor(call.engine, values.accessor), '', values.increment),
  }),
]

async function renew(
  call: Call<TokenState>,
  record: TokenRecord,
  bearer: string,
  requested: number,
): Promise<Response> {
  const { tokens, clock } = call.engine
  if (record.type === 'batch') throw refuse('batch tokens cannot be renewed')
  if (record.expiresAt === null || !record.renewable) throw refuse('lease is not renewable')
  const bounds = await tokens.renewal(record, call.request)
  const age = (clock.now() - record.issuedAt) / 1000
  const last = (record.expiresAt - (record.lastRenewedAt ?? record.issuedAt)) / 1000
  const { ttl, warnings } = effectiveTtl(requested || (bounds.ttl ?? Math.round(last)), bounds, age)
  // Never zero: other functions read a TTL of zero as "without limit" (CVE-2021-32923).
  if (ttl < 1) throw refuse('past the max TTL, cannot renew')
  const renewed = await tokens.renew(record, ttl)
  if (!renewed) throw refuse('token not found')
  return { auth: authBlock(renewed, bearer, ttl, await principalOf(call.engine, renewed)), warnings }
}

/** The limits of a token of `auth/token`. Its role is read again, so that changes take effect. */
export async function renewalByRole({ view }: TokenState, token: TokenRecord): Promise<Renewal> {
  const role = token.role === undefined ? undefined : await roleNamed(view, token.role)
  if (token.role !== undefined && !role)
    throw refuse(`the role "${token.role}" of the token no longer exists: it cannot be renewed`)
  return {
    maxTtl: 0,
    period: smallerLimit(role?.period ?? 0, token.period),
    explicitMaxTtl: role?.explicitMaxTtl ?? 0,
  }
}
