import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Transaction } from '../../contract/view.ts'
import { isName, shapeOf } from '../../util/stored/shape.ts'
import type { AppRole } from './mount.ts'
import { canonical, keyOf, roleName, roleShape } from './role.ts'

const { read, write } = routesOf<AppRole>()

/** The longest role id and secret id, bytes. */
const longestId = 4096

/** The role that has a role id, at `role-id/<hash>`. */
export const roleIdShape = shapeOf<{ readonly role: string }>('a role id', { role: isName })

/** Where that is stored. */
export const roleIdKey = ({ hash }: AppRole, roleId: string): string => `role-id/${hash('role', roleId)}`

/** Whether a login could send this id. It reads ids without the spaces around them. */
export const isUsableId = (id: string): boolean =>
  id !== '' && id === id.trim() && Buffer.byteLength(id, 'utf8') <= longestId

/** A custom id. @throws Fault invalid_request for one that no login could send */
export function usableId(name: string, id: string | undefined): string {
  if (id === undefined || id === '') throw refuse(`missing ${name}`)
  if (isUsableId(id)) return id
  throw refuse(`${name} has a space at an end, or more than ${longestId} bytes: no login could send it`)
}

/** Sets the role id of a role. @throws Fault invalid_request if another role has it */
export async function moveRoleId(
  tx: Transaction,
  engine: AppRole,
  name: string,
  { from, to }: { readonly from: string | undefined; readonly to: string },
): Promise<void> {
  if (from === to) return
  const key = roleIdKey(engine, to)
  if (await tx.get(key, roleIdShape)) throw refuse('another role has this role_id: choose another one')
  if (from !== undefined) tx.del(roleIdKey(engine, from))
  tx.put(key, { role: name })
}

/** The field of a role id. */
export const roleIdField = { role_id: f.string('The role id; a random one unless it is set.') }

/** `role/:role_name/role-id`. */
export const roleIdRoutes = [
  read('role/:role_name/role-id', {
    about: 'Read the role id of a role.',
    canonical,
    fields: roleName,
    returns: roleIdField,
    handle: async ({ engine }, { role_name: name }) => {
      const role = await engine.view.get(keyOf(name), roleShape)
      if (!role) throw new Fault('not_found', 'no such role')
      return answer({ role_id: role.roleId })
    },
  }),
  write('role/:role_name/role-id', {
    about: 'Set the role id of a role.',
    canonical,
    fields: { ...roleName, ...roleIdField },
    handle: async ({ engine }, { role_name: name, role_id: input }) => {
      const roleId = usableId('role_id', input)
      await engine.view.transaction(async (tx) => {
        const role = await tx.get(keyOf(name), roleShape)
        if (!role) throw new Fault('unsupported_path', 'unsupported path')
        await moveRoleId(tx, engine, name, { from: role.roleId, to: roleId })
        tx.put(keyOf(name), { ...role, roleId })
      })
      return done()
    },
  }),
]
