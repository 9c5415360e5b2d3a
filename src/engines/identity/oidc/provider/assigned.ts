import type { Principal } from '../../../../contract/identity.ts'
import type { View } from '../../../../contract/view.ts'
import type { OidcClient } from './settings/client-record.ts'
import { allowAllName, assignmentNamed } from './settings/records.ts'

/** Whether an entity may log in to a client: one of the client's assignments has the entity, or one of its groups. */
export async function isAssigned(view: View, { assignments }: OidcClient, principal: Principal): Promise<boolean> {
  if (principal.entity.disabled) return false
  if (assignments.includes(allowAllName)) return true
  const groups = new Set(principal.groups.map(({ id }) => id))
  for (const name of assignments) {
    const assignment = await assignmentNamed(view, name)
    if (assignment?.entities.includes(principal.entity.id) || assignment?.groups.some((id) => groups.has(id)))
      return true
  }
  return false
}
