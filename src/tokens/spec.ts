import { rootNamespace } from '../contract/identity.ts'
import type { TokenSpec } from '../contract/identity.ts'

/** A token with a record that is created and removed in the same commits as the token: the response that a wrapping token unwraps. */
export interface CarryingSpec extends TokenSpec {
  readonly carries?: unknown
}

/** A root token without end, by a string that is chosen. There are none below the root namespace. */
export function rootSpec(opaque: string): TokenSpec {
  return {
    type: 'service',
    namespace: rootNamespace,
    policies: ['root'],
    path: 'auth/token/root',
    meta: null,
    displayName: 'root',
    ttl: 0,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
    boundCidrs: [],
    entityId: '',
    opaque,
  }
}
