import { Fault, refuse } from '../../contract/fault.ts'
import { answer, done } from '../../contract/response.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Alias } from '../../contract/route.ts'
import type { View } from '../../contract/view.ts'
import { hashOf } from './password.ts'
import { canonical, changedUser, keyOf, paramFields, passwordFields, policyFields, rendered, userShape, username } from './user.ts' // prettier-ignore
import type { User, Userpass } from './user.ts'

const { read, list, write, remove } = routesOf<Userpass>()

/** Passwords and policies have their own paths: a rule that denies these paths also denies the parameters here. */
const ownPaths: Alias = ({ username: name = '' }, data) => [
  ...(Object.keys(passwordFields).some((field) => Object.hasOwn(data, field)) ? [`users/${name}/password`] : []),
  ...(Object.keys(policyFields).some((field) => Object.hasOwn(data, field)) ? [`users/${name}/policies`] : []),
]

/** `users`, `users/:username`, and the password and the policies of a user. */
export const userRoutes = [
  list('users', {
    about: 'List users.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => {
      return answer({ keys: await namesIn(engine.view, 'user/', 'no users', page) })
    },
  }),
  read('users/:username', {
    about: 'Read a user, without the password.',
    canonical,
    fields: username,
    returns: paramFields,
    handle: async ({ engine }, values) => {
      const user = await engine.view.get(keyOf(values.username), userShape)
      if (!user) throw new Fault('not_found', 'no such user')
      return answer(rendered(user))
    },
  }),
  write('users/:username', {
    about: 'Create or change a user.',
    canonical,
    alias: ownPaths,
    fields: { ...username, ...passwordFields, ...paramFields },
    exists: async ({ engine }, { username: name = '' }) =>
      (await engine.view.get(keyOf(name), userShape)) !== undefined,
    handle: async ({ engine, confirm }, values) => {
      const key = keyOf(values.username)
      const hash = await hashOf(values)
      await engine.view.transaction(async (tx) => {
        const old = await tx.get(key, userShape)
        confirm(old !== undefined)
        const next = hash ?? old?.hash
        if (next === undefined) throw refuse('must provide either password or password_hash')
        tx.put(key, changedUser(old, next, values))
      })
      return done()
    },
  }),
  remove('users/:username', {
    about: 'Remove a user. Its tokens live on until they expire, but are not renewed.',
    canonical,
    fields: username,
    handle: async ({ engine }, values) => {
      await engine.view.del(keyOf(values.username))
      return done()
    },
  }),
  write('users/:username/password', {
    about: 'Change the password of a user.',
    canonical,
    fields: { ...username, ...passwordFields },
    handle: async ({ engine }, values) => {
      const key = keyOf(values.username)
      const hash = await hashOf(values)
      if (hash === undefined) throw refuse('must provide either password or password_hash')
      await change(engine.view, key, (user) => ({ ...user, hash }))
      return done()
    },
  }),
  write('users/:username/policies', {
    about: 'Change the policies of a user.',
    canonical,
    fields: { ...username, ...policyFields },
    handle: async ({ engine }, { username: name, ...policies }) => {
      await change(engine.view, keyOf(name), (user) => changedUser(user, user.hash, policies))
      return done()
    },
  }),
]

/** @throws Fault invalid_request if the user does not exist */
async function change(view: View, key: string, next: (user: User) => User): Promise<void> {
  await view.transaction(async (tx) => {
    const user = await tx.get(key, userShape)
    if (!user) throw refuse('there is no such user: create it at users/<name>')
    tx.put(key, next(user))
  })
}
