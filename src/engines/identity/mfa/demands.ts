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

/** The mount of a login. */
type LoginMount = Pick<MountRecord, 'accessor' | 'type'>

/** The second factors that a login must prove, by the enforcements of its namespace and of the parent namespaces. */
export async function demandsOn(identity: Identity, principal: Principal, mount: LoginMount): Promise<MfaDemand[]> {
  const demands: MfaDemand[] = []
  let ids: ReadonlySet<string> | undefined
  for (const home of [identity, ...identity.above()])
    for (const enforcement of await enforcementsIn(home)) {
      ids ??= await idsOf(identity, principal)
      if (applies(enforcement, principal, ids, mount)) demands.push(await demandOf(home, enforcement))
    }
  return demands
}

/** The enforcements of one namespace, in byte order. */
export async function enforcementsIn({ view }: Identity): Promise<EnforcementRecord[]> {
  const enforcements: EnforcementRecord[] = []
  for (const name of await view.list('mfa-enforcement/')) {
    const enforcement = await view.get(atMfa.enforcement(name), enforcementShape)
    if (enforcement) enforcements.push(enforcement)
  }
  return enforcements
}

/** The ids of an entity and of the entities merged into it: enforcements on their logins still apply. */
async function idsOf({ view }: Identity, { entity: { id } }: Principal): Promise<ReadonlySet<string>> {
  const entity = await view.get(at.entity(id), entityShape)
  return new Set([id, ...(entity?.mergedIds ?? [])])
}

function applies(
  { accessors, types, groups, entities }: EnforcementRecord,
  principal: Principal,
  ids: ReadonlySet<string>,
  { accessor, type }: LoginMount,
): boolean {
  if (accessors.includes(accessor) || types.includes(type) || entities.some((id) => ids.has(id))) return true
  return principal.groups.some(({ id }) => groups.includes(id))
}

/** @throws Fault permission_denied if all its methods were removed: such a login cannot be proven */
async function demandOf(home: Identity, { name, methods: ids }: EnforcementRecord): Promise<MfaDemand> {
  const methods = []
  for (const id of ids) {
    const method = await methodById(home, id)
    if (method) methods.push({ type: 'totp', id, uses_passcode: true, name: method.name } as const)
  }
  if (methods.length === 0)
    throw new Fault('permission_denied', `failed to satisfy enforcement ${name}. error: none of its MFA methods exists`)
  return { name, methods }
}
