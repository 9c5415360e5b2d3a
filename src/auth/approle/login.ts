import type { LoginData, Renewal } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Login } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { areWithin, inCidrs } from '../../util/cidr.ts'
import type { AppRole } from './mount.ts'
import { isUsableId, roleIdKey, roleIdShape } from './role-id.ts'
import { keyOf, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { isExpired, secretIdKey, secretIdShape, useSecretId } from './secret-id.ts'
import type { SecretId } from './secret-id.ts'

const { write } = routesOf<AppRole>()

/** One refusal for all wrong proofs, including wrong addresses. A missing secret id has another one, for every role id. */
const wrong = (secretId: string): Fault => refuse(secretId === '' ? 'missing secret_id' : 'invalid role or secret ID')

/** The proof of a login. */
interface Proof {
  readonly roleId: string
  readonly secretId: string
  readonly address: string
}

/** `login`. */
export const loginRoute = write('login', {
  about: 'Log in with a role id and a secret id.',
  access: 'public',
  returns: newToken,
  loginRole: async ({ engine }, { role_id: roleId }, limited) => roleFor(engine, roleId.trim(), limited),
  fields: {
    role_id: f.string('The role id.').or(''),
    secret_id: f.string('The secret id.').secret().or(''),
  },
  handle: async ({ engine, request }, values) => {
    const proof = {
      roleId: values.role_id.trim(),
      secretId: values.secret_id.trim(),
      address: request.client.address,
    }
    if (proof.roleId === '') throw refuse('missing role_id')
    if (!isUsableId(proof.roleId) || (proof.secretId !== '' && !isUsableId(proof.secretId))) throw wrong(proof.secretId)
    return { login: await login(engine, proof) }
  },
})

/**
 * The role of a role id. An unknown role id counts like one of some role, always the same: otherwise the limits of the response
 * would tell which role ids exist.
 */
async function roleFor(engine: AppRole, roleId: string, limited: readonly string[]): Promise<string | undefined> {
  if (!isUsableId(roleId)) return undefined
  // Computed for each role id: the time would tell which ones exist.
  const number = Number.parseInt(engine.hash('role of an unknown role id', roleId).slice(0, 12), 16)
  const found = await engine.view.get(roleIdKey(engine, roleId), roleIdShape)
  return found ? found.role : limited[number % (limited.length + 1)]
}

/**
 * Checks the proof and counts one use of the secret id, in one commit. An unknown role id takes the same steps. @throws Fault
 * invalid_request
 */
async function login(engine: AppRole, proof: Proof): Promise<Login> {
  const { view, hash } = engine
  const indexKey = roleIdKey(engine, proof.roleId)
  const name = (await view.get(indexKey, roleIdShape))?.role
  const key = name === undefined ? `role/${hash('nobody', proof.roleId)}` : keyOf(name)
  const uid = (await view.get(key, roleShape))?.uid ?? ''
  const secretHash = hash(uid, proof.secretId)
  return view.transaction(async (tx) => {
    // First the records that concurrent logins change as well: after a conflict they take turns.
    const secret = await tx.get(secretIdKey(secretHash), secretIdShape)
    const role = await tx.get(key, roleShape)
    const now = engine.clock.now()
    const current = role?.uid === uid && role.roleId === proof.roleId ? role : undefined
    const used = current?.bindSecretId ? secret : undefined
    const isProven = current !== undefined && isAllowed(current, used, proof.address, now)
    if (!engine.mayLogIn(proof.roleId, isProven) || !current || name === undefined) throw wrong(proof.secretId)
    if (used) useSecretId(tx, secretHash, used, now)
    return loginOf(name, current, used)
  })
}

function isAllowed(role: Role, secret: SecretId | undefined, address: string, now: number): boolean {
  if (role.bindSecretId && (!secret || secret.role !== role.uid || isExpired(secret, now))) return false
  const tokenCidrs = secret?.tokenCidrs ?? []
  // The role may have other addresses than when the secret id was created.
  if (role.params.boundCidrs.length > 0 && !areWithin(tokenCidrs, role.params.boundCidrs)) return false
  const bounds = [role.secretIdBoundCidrs ?? [], secret?.cidrs ?? [], role.params.boundCidrs, tokenCidrs]
  return bounds.every((cidrs) => cidrs.length === 0 || inCidrs(cidrs, address))
}

function loginOf(name: string, role: Role, secret: SecretId | undefined): Login {
  const metadata = { ...secret?.metadata, role_name: name }
  const tokenCidrs = secret?.tokenCidrs ?? []
  return {
    ...role.params,
    boundCidrs: tokenCidrs.length > 0 ? tokenCidrs : role.params.boundCidrs,
    // All secret ids of the role share this alias: metadata of one of them would be that of all their tokens (CVE-2021-43998).
    alias: { name: role.roleId, metadata: { role_name: name } },
    displayName: '',
    metadata,
    renewable: true,
    data: { role_name: name, uid: role.uid },
  }
}

/** The current limits. @throws Fault invalid_request if the role no longer exists, even if there is another one of its name */
export async function renewal({ view }: AppRole, data: LoginData): Promise<Renewal> {
  const role = await view.get(keyOf(String(data['role_name'])), roleShape)
  if (!role || role.uid !== data['uid']) throw refuse('the role of this token no longer exists: it cannot be renewed')
  const { ttl, maxTtl, period, explicitMaxTtl } = role.params
  return { ttl, maxTtl, period, explicitMaxTtl }
}
