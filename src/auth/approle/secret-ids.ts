import { randomUUID } from 'node:crypto'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import type { Caller } from '../../contract/identity.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call } from '../../contract/route.ts'
import type { Transaction } from '../../contract/view.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import type { AppRole } from './mount.ts'
import { usableId } from './role-id.ts'
import { canonical, keyOf, roleName, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { accessorKey, accessorShape, newSecretId, putSecretId, removeSecretId, renderedSecretId, secretIdFields, secretIdKey, secretIdMembers, secretIdShape } from './secret-id.ts' // prettier-ignore
import type { SecretId } from './secret-id.ts'

const { list, write, remove } = routesOf<AppRole>()

const secretIdField = { secret_id: f.string('The secret id.').secret() }
const accessorField = { secret_id_accessor: f.string('The accessor of the secret id.') }
const { secret_id_accessor, secret_id_num_uses, secret_id_ttl } = secretIdMembers
const created = { secret_id: f.string('The secret id. It is shown only once.').secret(), secret_id_accessor, secret_id_num_uses, secret_id_ttl } // prettier-ignore

/** `secret-id`, `custom-secret-id` and their lookups and removals, by secret id and by accessor. */
export const secretIdRoutes = [
  list('role/:role_name/secret-id', {
    about: 'List the accessors of the secret ids of a role.',
    canonical,
    fields: { ...roleName, ...pageFields },
    returns: keys('The accessors.'),
    handle: async ({ engine }, { role_name: name, ...page }) => {
      const role = await engine.view.get(keyOf(name), roleShape)
      if (!role) throw refuse(noRole(name))
      return answer({ keys: await namesIn(engine.view, `accessor/${role.uid}/`, 'no secret ids', page) })
    },
  }),
  write('role/:role_name/secret-id', {
    about: 'Create a secret id.',
    canonical,
    fields: { ...roleName, ...secretIdFields },
    returns: created,
    handle: async (call, { role_name: name, ...values }) => create(call, name, randomUUID(), values),
  }),
  write('role/:role_name/custom-secret-id', {
    about: 'Create a secret id of your own choice. Choose a long random one.',
    canonical,
    fields: { ...roleName, ...secretIdField, ...secretIdFields },
    returns: created,
    handle: async (call, { role_name: name, secret_id: input, ...values }) =>
      create(call, name, usableId('secret_id', input), values),
  }),
  write('role/:role_name/secret-id/lookup', {
    about: 'Look a secret id up.',
    canonical,
    pure: true,
    fields: { ...roleName, ...secretIdField },
    returns: secretIdMembers,
    handle: async ({ engine }, { role_name: name, secret_id: input }) => {
      const secretId = required('secret_id', input)
      const role = await roleFor(engine.view, name)
      const secret = await engine.view.get(secretIdKey(engine.hash(role.uid, secretId)), secretIdShape)
      return secret ? answer(renderedSecretId(secret)) : done()
    },
  }),
  write('role/:role_name/secret-id-accessor/lookup', {
    about: 'Look a secret id up by its accessor.',
    canonical,
    pure: true,
    fields: { ...roleName, ...accessorField },
    returns: { ...secretIdMembers, error: f.string('The error, with status 404.') },
    handle: async ({ engine }, { role_name: name, secret_id_accessor: input }) => {
      const accessor = required('secret_id_accessor', input)
      const role = await roleFor(engine.view, name)
      const found = await byAccessor(engine.view, role, accessor)
      return found ? answer(renderedSecretId(found.secret)) : { status: 404, data: noAccessor }
    },
  }),
  ...[write, remove].flatMap((maker) => [
    maker('role/:role_name/secret-id/destroy', {
      about: 'Remove a secret id.',
      canonical,
      fields: { ...roleName, ...secretIdField },
      handle: async ({ engine }, { role_name: name, secret_id: input }) => {
        const secretId = required('secret_id', input)
        await engine.view.transaction(async (tx) => {
          const hash = engine.hash((await roleFor(tx, name)).uid, secretId)
          const secret = await tx.get(secretIdKey(hash), secretIdShape)
          if (secret) removeSecretId(tx, hash, secret)
        })
        return done()
      },
    }),
    maker('role/:role_name/secret-id-accessor/destroy', {
      about: 'Remove a secret id by its accessor.',
      canonical,
      fields: { ...roleName, ...accessorField },
      handle: async ({ engine }, { role_name: name, secret_id_accessor: input }) => {
        const accessor = required('secret_id_accessor', input)
        await engine.view.transaction(async (tx) => {
          const found = await byAccessor(tx, await roleFor(tx, name), accessor)
          if (!found) throw new Fault('not_found', '', { data: noAccessor })
          removeSecretId(tx, found.hash, found.secret)
        })
        return done()
      },
    }),
  ]),
]

const noRole = (name: string): string => `there is no role "${name}": create it at role/${name}`

type Reader = Pick<Transaction, 'get'>

/** @throws Fault if the role does not exist */
async function roleFor(reader: Reader, name: string): Promise<Role> {
  const role = await reader.get(keyOf(name), roleShape)
  if (!role) throw new Fault('unsupported_path', noRole(name), { listed: false })
  return role
}

function required(name: string, input: string | undefined): string {
  if (input === undefined || input === '') throw refuse(`missing ${name}`)
  return input
}

async function create(
  { engine, caller }: Pick<Call<AppRole>, 'engine' | 'caller'>,
  name: string,
  secretId: string,
  values: Values<typeof secretIdFields>,
): Promise<Response> {
  const secret = await engine.view.transaction(async (tx) => {
    const role = await roleFor(tx, name)
    refuseTaken(caller, values, role)
    const next = newSecretId(role, values, { now: engine.clock.now(), maxTtl: engine.limits().maxTtl })
    await putSecretId(tx, engine.hash(role.uid, secretId), next)
    return next
  })
  const { secret_id_accessor: accessor, secret_id_num_uses: uses, secret_id_ttl: ttl } = renderedSecretId(secret)
  return {
    data: { secret_id: secretId, secret_id_accessor: accessor, secret_id_num_uses: uses, secret_id_ttl: ttl },
    accessor: secret.accessor,
  }
}

/** Values that a secret id inherits from its role are checked like parameters of the request. */
function refuseTaken(caller: Caller, values: Values<typeof secretIdFields>, role: Role): void {
  const inherited = { num_uses: role.secretIdNumUses, ttl: role.secretIdTtl } as const
  for (const name of ['num_uses', 'ttl'] as const)
    if (values[name] === undefined && caller.deniesValue(name, inherited[name]))
      throw new Fault('permission_denied', 'permission denied')
}

const noAccessor = { error: 'this role has no secret id with this accessor' }

/** The secret id of this role that an accessor names. */
async function byAccessor(
  reader: Reader,
  role: Role,
  accessor: string,
): Promise<{ readonly hash: string; readonly secret: SecretId } | undefined> {
  const key = accessorKey(role.uid, accessor)
  const hash = key === undefined ? undefined : (await reader.get(key, accessorShape))?.hash
  const secret = hash === undefined ? undefined : await reader.get(secretIdKey(hash), secretIdShape)
  return hash !== undefined && secret ? { hash, secret } : undefined
}
