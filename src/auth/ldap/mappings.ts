import { Fault, refuse } from '../../contract/fault.ts'
import type { FaultDetails } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { normalisedPolicies, refuseReservedPolicies } from '../../contract/token-params.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { isListOf, isName, shapeOf } from '../../util/stored/shape.ts'
import type { Ldap } from './mount.ts'
import { ldapName, recordNameOf } from './names.ts'

const { read, list, write, remove } = routesOf<Ldap>()

/** What users of the directory get here, at `user/<name>`. */
interface User {
  readonly policies: readonly string[]
  /** Groups that they are in as well. */
  readonly groups: readonly string[]
}

/** What members of a group of the directory get here, at `group/<name>`. */
interface Group {
  readonly policies: readonly string[]
}

export const userShape = shapeOf<User>('a user', { policies: isListOf(isName), groups: isListOf(isName) })
export const groupShape = shapeOf<Group>('a group', { policies: isListOf(isName) })

const canonical = { name: ldapName }
const name = { name: f.string('Its name in the directory. Letter case does not count.').or('') }
const policies = { policies: f.list('Policies of the tokens.') }
const userFields = { ...policies, groups: f.list('Groups besides those of the directory.') }

/** Where a user or group is stored. @throws Fault unsupported_path for what cannot be a name */
export function keyOf(folder: 'user' | 'group', input: string, details: FaultDetails = {}): string {
  const found = recordNameOf(input)
  if (found === undefined) throw new Fault('unsupported_path', 'unsupported path', details)
  return `${folder}/${found}`
}

function policiesOf(names: readonly string[] = []): readonly string[] {
  const found = normalisedPolicies(names)
  refuseReservedPolicies(found)
  return found
}

function groupsOf(names: readonly string[] = []): readonly string[] {
  return [
    ...new Set(
      names.map((one) => {
        const found = recordNameOf(one.trim())
        if (found === undefined)
          throw refuse(`'groups' has what cannot be the name of a group: a name has no slash and no control character`)
        return found
      }),
    ),
  ]
}

/** `users` and `users/:name`. */
export const userRoutes = [
  list('users', {
    about: 'List users that have policies or groups here.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => answer({ keys: await namesIn(engine.view, 'user/', 'no users', page) }),
  }),
  read('users/:name', {
    about: 'Read the policies and groups of a user.',
    canonical,
    fields: name,
    returns: { ...policies, groups: f.string('Its groups, with commas between them.') },
    handle: async ({ engine }, values) => {
      const user = await engine.view.get(keyOf('user', values.name), userShape)
      if (!user) throw new Fault('not_found', 'no such user')
      return answer({ policies: user.policies, groups: user.groups.join(',') })
    },
  }),
  write('users/:name', {
    about: 'Set the policies and groups of a user. The directory decides who can log in.',
    canonical,
    fields: { ...name, ...userFields },
    handle: async ({ engine }, values) => {
      const user: User = { policies: policiesOf(values.policies), groups: groupsOf(values.groups) }
      await engine.view.put(keyOf('user', values.name), user)
      return done()
    },
  }),
  remove('users/:name', {
    about: 'Remove the policies and groups of a user. The user can still log in.',
    canonical,
    fields: name,
    handle: async ({ engine }, values) => {
      await engine.view.del(keyOf('user', values.name))
      return done()
    },
  }),
]

/** `groups` and `groups/:name`. */
export const groupRoutes = [
  list('groups', {
    about: 'List groups that have policies here.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => answer({ keys: await namesIn(engine.view, 'group/', 'no groups', page) }),
  }),
  read('groups/:name', {
    about: 'Read the policies of a group.',
    canonical,
    fields: name,
    returns: policies,
    handle: async ({ engine }, values) => {
      const group = await engine.view.get(keyOf('group', values.name), groupShape)
      if (!group) throw new Fault('not_found', 'no such group')
      return answer({ policies: group.policies })
    },
  }),
  write('groups/:name', {
    about: 'Set the policies of a group.',
    canonical,
    fields: { ...name, ...policies },
    handle: async ({ engine }, values) => {
      const group: Group = { policies: policiesOf(values.policies) }
      await engine.view.put(keyOf('group', values.name), group)
      return done()
    },
  }),
  remove('groups/:name', {
    about: 'Remove the policies of a group.',
    canonical,
    fields: name,
    handle: async ({ engine }, values) => {
      await engine.view.del(keyOf('group', values.name))
      return done()
    },
  }),
]
