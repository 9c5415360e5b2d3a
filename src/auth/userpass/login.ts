import type { LoginData, Renewal } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { routesOf } from '../../contract/route.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { matches } from './password.ts'
import { canonical, keyOf, userShape, username } from './user.ts'
import type { Userpass } from './user.ts'

const { write } = routesOf<Userpass>()

/** `login/:username`. */
export const loginRoute = write('login/:username', {
  about: 'Log in with a password.',
  access: 'public',
  canonical,
  returns: newToken,
  fields: { ...username, password: f.string('The password.').secret().or('') },
  handle: async ({ engine: { view, mayLogIn } }, { username: name, password }) => {
    const key = keyOf(name, { listed: false })
    if (password === '') throw refuse('missing password')
    const hash = (await view.get(key, userShape))?.hash
    const isRight = await matches(password, hash)
    // Read again: the user may have been changed or removed while the hash was computed.
    const user = await view.get(key, userShape)
    const isProven = isRight && user?.hash === hash
    if (!mayLogIn(name, isProven) || !user) throw refuse('invalid username or password')
    const metadata = { username: name }
    return { login: { ...user.params, alias: { name }, displayName: name, metadata, renewable: true, data: metadata } }
  },
})

/** The current limits. @throws Fault invalid_request if the user no longer exists or has other policies */
export async function renewal({ view }: Userpass, data: LoginData, token: TokenRecord): Promise<Renewal> {
  const user = await view.get(keyOf(String(data['username'])), userShape)
  if (!user) throw refuse('the user of this token no longer exists: it cannot be renewed')
  const { ttl, maxTtl, period, explicitMaxTtl, policies } = user.params
  const named = (names: readonly string[]): string => names.filter((name) => name !== 'default').join(',')
  if (named(policies) !== named(token.policies)) throw refuse('policies have changed, not renewing')
  return { ttl, maxTtl, period, explicitMaxTtl }
}
