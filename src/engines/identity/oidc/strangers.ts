import { Fault } from '../../../contract/fault.ts'
import { rootNamespace } from '../../../contract/identity.ts'
import type { Call } from '../../../contract/route.ts'
import type { Identity } from '../identity.ts'

/**
 * Without a token nobody learns whether a namespace exists that has published nothing: the refusal is that of a missing one.
 * @throws Fault unauthenticated
 */
export function refuseStrangers({ engine, caller }: Call<Identity>, published: readonly unknown[]): void {
  if (engine.namespace === rootNamespace || published.length > 0 || caller.token) return
  throw new Fault('unauthenticated', 'permission denied')
}
