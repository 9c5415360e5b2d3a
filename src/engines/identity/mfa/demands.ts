import { Fault } from '../../../contract/fault.ts'
import type { Principal } from '../../../contract/identity.ts'
import type { MfaDemand } from '../../../contract/wire/mfa.ts'
import type { MountRecord } from '../../../contract/mount.ts'
import type { Identity } from '../identity.ts'
import { at } from '../names.ts'
import { entityShape } from '../records.ts'
import { methodById } from './methods.ts'
import { atMfa, enforcementShape } from './records.ts'
import type { EnforcementRecord } from './records.ts'

/** Where a login came in. */
type LoginMount = Pick<MountRecord, 'accessor' | 'type'>

/** What a login has to prove besides its first factor, by the enforcements of its namespace and of those above. */
export async function demandsOn(identity: Identity, principal: Principal, mount: LoginMount): Promise<MfaDemand[]> {
  const demands: MfaDemand[] = []
  let ids: ReadonlySet<string> | undefined
  for (const home of [identity, ...identity.above()])
    for (const enforcement of await enforcementsIn(home)) {
      ids ??= await idsOf(identity, principal)
      if (fits(enforcement, principal, ids, mount)) demands.push(await demandOf(home, enforcement))
    }
  return demands
}

/** The enforcements of one namespace, in byte order. */
export async function enforcementsIn({ view }: Identity): Promise<EnforcementRecord[]> {
  const found: EnforcementRecord[] = []
  for (const name of await view.list('mfa-enforcement/')) {
    const enforcement = await view.get(atMfa.enforcement(name), enforcementShape)
    if (enforcement) found.push(enforcement)
  }
  return found
}

/** The ids of an entity and of those that were merged into it: what was demanded of their logins is demanded still. */
async function idsOf({ view }: Identity, { entity: { id } }: Principal): Promise<ReadonlySet<string>> {
  const entity = await view.get(at.entity(id), entityShape)
  return new Set([id, ...(entity?.mergedIds ?? [])])
}

function fits(
  { accessors, types, groups, entities }: EnforcementRecord,
  principal: Principal,
  ids: ReadonlySet<string>,
  { accessor, type }: LoginMount,
): boolean {
  if (accessors.includes(accessor) || types.includes(type) || entities.some((id) => ids.has(id))) return true
  return principal.groups.some(({ id }) => groups.includes(id))
}

/** @throws Fault permission_denied when all its methods are gone: the login is refused, as it cannot be proven */
async function demandOf(home: Identity, { name, methods: ids }: EnforcementRecord): Promise<MfaDemand> {
  const methods = []
  for (const id of ids) {
    const method = await methodById(home, id)
    if (method) methods.push({ type: 'totp', id, uses_passcode: true, name: method.name } as const)
  }
  if (methods.length === 0)
    throw new Fault(
      'permission_denied',
      `failed to satisfy enforcement ${name}. error: none of its MFA methods is there any more`,
    )
  return { name, methods }
}
