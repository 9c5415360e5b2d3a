import type { LoginData, Renewal } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { routesOf } from '../../contract/route.ts'
import { normalisedPolicies } from '../../contract/token-params.ts'
import { newToken } from '../../contract/wire/returns.ts'
import type { Config } from './config.ts'
import { Directory } from './directory.ts'
import { groupsOf } from './groups.ts'
import { groupShape, keyOf, userShape } from './mappings.ts'
import { asking, configOf } from './mount.ts'
import type { Ldap } from './mount.ts'
import { ldapName, recordNameOf } from './names.ts'
import { builtDn, dnOf, mustBindAccount, userNamed } from './user.ts'
import type { LdapUser } from './user.ts'

const { write } = routesOf<Ldap>()

/** The most characters of a password. */
const longestPassword = 1024

/** `login/:username`. */
export const loginRoute = write('login/:username', {
  about: 'Log in with a password of the directory.',
  access: 'public',
  canonical: { username: ldapName },
  returns: newToken,
  fields: {
    username: f.string('Name of the user in the directory. Letter case does not count.').or(''),
    password: f.string('The password.').secret().or(''),
  },
  handle: async ({ engine }, { username, password }) => {
    // A name that is not canonical reaches a public route as it was sent.
    keyOf('user', username, { listed: false })
    checkPassword(password)
    const config = await configOf(engine)
    const { user, groups } = await asking(engine, config, async (directory) => {
      const found = await proved(engine, directory, config, username, password)
      return { user: found, groups: await groupsAsSearcher(engine, directory, config, username, found) }
    })
    if (user.alias === undefined)
      throw refuse(
        `the directory has no value of "${config.userAttr}" for this user, or several: set userattr to an attribute with one`,
      )
    const access = await accessOf(engine, config, username, groups)
    const metadata = { username }
    return {
      // As OpenBao does, for this method alone.
      data: {},
      login: {
        ...config.params,
        policies: access.policies,
        alias: { name: config.usernameAsAlias ? username : user.alias, metadata: { name: username } },
        groupAliases: access.groups,
        displayName: username,
        metadata,
        // Without an account the user cannot be looked up again.
        ...(config.bindDn === '' ? { renewable: false } : { renewable: true, data: { username, alias: user.alias } }),
      },
    }
  },
})

/** Before anything is sent: it does not count as an attempt. */
function checkPassword(password: string): void {
  if (password === '') throw refuse('missing password')
  if (password.length > longestPassword || password.includes('\0'))
    throw refuse(`a password has at most ${longestPassword} characters, and no NUL`)
}

/** The user whose password the directory accepts. @throws Fault invalid_request, the same for all reasons */
async function proved(
  engine: Ldap,
  directory: Directory,
  config: Config,
  name: string,
  password: string,
): Promise<LdapUser> {
  const user = await userNamed(directory, config, name)
  // An unknown name costs a bind as well.
  const isRight = await directory.bind(user?.bindName ?? builtDn(config, name), password)
  const isProven = isRight && user !== undefined
  if (!engine.mayLogIn(user?.counted ?? name, isProven) || !user) throw refuse('invalid username or password')
  return user
}

/** The groups of a user, as the account that searches sees them; without one, as the user does. */
async function groupsAsSearcher(
  engine: Ldap,
  directory: Directory,
  config: Config,
  name: string,
  user: LdapUser,
): Promise<readonly string[]> {
  await mustBindAccount(directory, config)
  const dn = await dnOf(directory, config, name, user)
  if (!config.anonymousGroupSearch) return groupsOf(directory, config, name, dn)
  return Directory.ask(engine.clock, config, async (anonymous) => groupsOf(anonymous, config, name, dn))
}

/** The policies and groups of a user who is in these groups of the directory. */
async function accessOf(
  { view }: Ldap,
  { params }: Config,
  name: string,
  groups: readonly string[],
): Promise<{ readonly policies: readonly string[]; readonly groups: readonly string[] }> {
  const user = await view.get(keyOf('user', name), userShape)
  const all = [...new Set([...groups, ...(user?.groups ?? [])])]
  const policies = [...params.policies, ...(user?.policies ?? [])]
  for (const folded of new Set(all.map((one) => recordNameOf(one.trim())))) {
    const group = folded === undefined ? undefined : await view.get(keyOf('group', folded), groupShape)
    policies.push(...(group?.policies ?? []))
  }
  return { policies: normalisedPolicies(policies), groups: all }
}

/**
 * The current limits and groups. The user is searched for again; the password is not kept, so it is not asked again.
 * @throws Fault invalid_request when the user was removed or has other policies, unavailable when the directory does not respond
 */
export async function renewal(engine: Ldap, data: LoginData, token: TokenRecord): Promise<Renewal> {
  const config = await configOf(engine)
  if (config.bindDn === '') throw refuse('without binddn the user cannot be looked up: this token cannot be renewed')
  const name = String(data['username'])
  const groups = await asking(engine, config, async (directory) => {
    const user = await userNamed(directory, config, name)
    if (!user || user.alias !== data['alias'])
      throw refuse('the user of this token is gone from the directory: it cannot be renewed')
    return groupsAsSearcher(engine, directory, config, name, user)
  })
  const access = await accessOf(engine, config, name, groups)
  const named = (names: readonly string[]): string => names.filter((one) => one !== 'default').join(',')
  if (named(access.policies) !== named(token.policies)) throw refuse('policies have changed, not renewing')
  const { ttl, maxTtl, period, explicitMaxTtl } = config.params
  return { ttl, maxTtl, period, explicitMaxTtl, groupAliases: access.groups }
}
