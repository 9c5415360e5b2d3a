import { Fault } from '../../../contract/fault.ts'
import { rootNamespace } from '../../../contract/identity.ts'
import type { Call } from '../../../contract/route.ts'
import type { Identity } from '../identity.ts'

/**
 * Without a token nobody learns whether a namespace exists that has published nothing: the refusal is that of a missing one.
 * @param folder the records that make it known to others
 * @throws Fault unauthenticated
 */
export async function refuseStrangers(
  { engine, caller }: Call<Identity>,
  folder: 'oidc-role/' | 'oidc-client/',
): Promise<void> {
  if (engine.namespace === rootNamespace || caller.token) return
  if ((await engine.view.list(folder, { limit: 1 })).length > 0) return
  throw new Fault('unauthenticated', 'permission denied')
}
