import { isDeepStrictEqual } from 'node:util'
import type { LoginData, Renewal } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import type { Login } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { inCidrs } from '../../util/cidr.ts'
import { fitsGlob } from '../../util/glob.ts'
import { configKey, configShape } from './config.ts'
import type { Config } from './config.ts'
import type { Kubernetes } from './mount.ts'
import { confirmed } from './proof.ts'
import type { Confirmed } from './proof.ts'
import { keyOf, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { selects } from './selector.ts'
import type { ServiceAccount } from './service-account.ts'
import { checkedAccount } from './shown-token.ts'

const { write } = routesOf<Kubernetes>()

/** `login`. */
export const loginRoute = write('login', {
  about: 'Log in with the token of a service account.',
  access: 'public',
  returns: newToken,
  loginRole: (_, { role }) => role.toLowerCase(),
  fields: { role: f.string('The role.').or(''), jwt: f.string('The token of the service account.').secret().or('') },
  handle: async ({ engine, request }, { role: sent, jwt }) => {
    if (sent === '') throw refuse('missing role')
    if (jwt.trim() === '') throw refuse('missing jwt')
    const name = sent.toLowerCase()
    const role = await roleOf(engine, name)
    const config = await configOf(engine)
    mustBeFrom(role, request.client.address)
    const account = await checkedAccount(engine.clock, config, role, jwt)
    mustBeBound(role, account)
    const found = await confirmed(engine, { config, role, account, jwt: jwt.trim() })
    if (!isDeepStrictEqual(await configOf(engine), config)) throw changedMeanwhile('configuration')
    // Read again: it may have been changed or removed during the request to the API server.
    const latest = await roleOf(engine, name)
    checkRole(latest, role, found)
    return { login: loginOf(name, latest, account) }
  },
})

/** @throws Fault invalid_request when the mount is not configured */
async function configOf({ view }: Kubernetes): Promise<Config> {
  const config = await view.get(configKey, configShape)
  if (!config) throw refuse('could not load backend configuration')
  return config
}

/** @throws Fault invalid_request if there is none */
async function roleOf({ view }: Kubernetes, name: string): Promise<Role> {
  const role = isPathName(name) ? await view.get(keyOf(name), roleShape) : undefined
  if (!role) throw refuse(`invalid role name ${JSON.stringify(name.slice(0, 128))}`)
  return role
}

const refused = (why = 'permission denied'): Fault => new Fault('unauthenticated', why)

const changedMeanwhile = (what: string): Fault =>
  new Fault('unavailable', `the ${what} was changed during this login: try again`)

/** Logins that cannot succeed cause no request to the API server. */
function mustBeFrom({ params: { boundCidrs } }: Role, address: string): void {
  if (boundCidrs.length > 0 && !inCidrs(boundCidrs, address)) throw refused()
}

const fits = (patterns: readonly string[], name: string): boolean => patterns.some((one) => fitsGlob(one, name))

/** The checks of the role that need no labels of the namespace. @throws Fault unauthenticated */
function mustBeBound({ names, namespaces, selector }: Role, { name, namespace }: ServiceAccount): void {
  if (!fits(names, name)) throw refused('service account name not authorized')
  if (!selector && !fits(namespaces, namespace)) throw refused('namespace not authorized')
}

/** Checks the confirmed account with the current role. @throws Fault */
function checkRole(role: Role, reviewed: Role, { account, labels }: Confirmed): void {
  mustBeBound(role, account)
  if (role.audience !== reviewed.audience) throw changedMeanwhile('role')
  if (fits(role.namespaces, account.namespace)) return
  if (role.selector && !labels) throw changedMeanwhile('role')
  if (!role.selector || !labels || !selects(role.selector.labels, labels)) throw refused('namespace not authorized')
}

function loginOf(role: string, { params, aliasSource, uid: roleUid }: Role, account: ServiceAccount): Login {
  const { namespace, name, uid, secretName } = account
  const metadata = {
    service_account_uid: uid,
    service_account_name: name,
    service_account_namespace: namespace,
    service_account_secret_name: secretName,
  }
  return {
    ...params,
    alias: { name: aliasSource === 'serviceaccount_uid' ? uid : `${namespace}/${name}`, metadata },
    displayName: `${namespace}-${name}`,
    metadata: { ...metadata, role },
    renewable: true,
    data: { role, uid: roleUid },
  }
}

/** The current limits. @throws Fault invalid_request if the role no longer exists, even if there is another one of its name */
export async function renewal({ view }: Kubernetes, data: LoginData): Promise<Renewal> {
  const role = await view.get(keyOf(String(data['role'])), roleShape)
  if (!role || role.uid !== data['uid']) throw refuse('the role of this token no longer exists: it cannot be renewed')
  const { ttl, maxTtl, period, explicitMaxTtl } = role.params
  return { ttl, maxTtl, period, explicitMaxTtl }
}
