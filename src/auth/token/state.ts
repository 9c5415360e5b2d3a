import { Fault } from '../../contract/fault.ts'
import type { Identities, Principal, TokenRecord } from '../../contract/identity.ts'
import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { TokenPort } from './port.ts'

/** The state of the token method: the store, and the roles in the mount's own view. */
export interface TokenState {
  readonly tokens: TokenPort
  readonly view: View
  readonly clock: Clock
  /** Of the mount. */
  readonly accessor: string
  /** Of the namespace; undefined when they cannot be used now. */
  readonly identities: () => Identities | undefined
}

/** The principal of a token; undefined: none, or its entity was removed. */
export async function principalOf(
  { identities }: TokenState,
  { entityId }: Pick<TokenRecord, 'entityId'>,
): Promise<Principal | undefined> {
  return entityId === '' ? undefined : mustHave(identities()).principal(entityId)
}

/** @throws Fault internal */
export function mustHave(identities: Identities | undefined): Identities {
  if (!identities) throw new Fault('internal', 'internal error')
  return identities
}
