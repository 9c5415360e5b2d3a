import type { Renewal, RenewalRequest } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { smallerLimit } from '../../contract/token-params.ts'
import type { Bounds } from '../../contract/token-params.ts'
import type { Mount } from './mount.ts'

/** The limits of a renewal, and the current groups of the user, from the mount. */
export interface RenewalOfMount extends Bounds, Pick<Renewal, 'ttl'> {
  readonly groups?: { readonly mountAccessor: string; readonly names: readonly string[] }
}

/**
 * The limits of a renewal of a token: the TTLs in force for the mount that created it, the mount's own limits, and the
 * token's explicit maximum, which always applies.
 * @param limits the TTLs in force for the mount, seconds
 * @throws Fault when the mount refuses the renewal
 */
export async function renewalBy(
  { engine, state, record }: Mount,
  { defaultTtl, maxTtl }: { readonly defaultTtl: number; readonly maxTtl: number },
  token: TokenRecord,
  request: RenewalRequest,
): Promise<RenewalOfMount> {
  const own = await engine.renew?.(state, token.loginData ?? {}, token, request)
  if (!own) throw notRenewable()
  return {
    defaultTtl,
    maxTtl: smallerLimit(maxTtl, own.maxTtl),
    period: own.period,
    explicitMaxTtl: smallerLimit(token.explicitMaxTtl, own.explicitMaxTtl),
    ...(own.ttl !== undefined && { ttl: own.ttl }),
    ...(own.groupAliases && { groups: { mountAccessor: record.accessor, names: own.groupAliases } }),
  }
}

/** The refusal of a renewal that no mount allows. */
export const notRenewable = (): Fault => refuse('lease is not renewable')
