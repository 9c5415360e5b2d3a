import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { plainName } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

/** The password policies, for these routes. */
export interface PasswordPolicyPort {
  get(name: string): Promise<string | undefined>
  list(): Promise<readonly string[]>
  write(name: string, policy: string): Promise<void>
  delete(name: string): Promise<void>
  generate(name: string): Promise<string | undefined>
}

type Has = { readonly passwordPolicies: PasswordPolicyPort }
const { read, list, write, remove } = routesOf<Has>()
const name = { name: f.string('The name of the password policy.').or('') }

/** `sys/policies/password`: the rules of generated passwords. */
export function passwordPolicyRoutes(): Route<Has>[] {
  return [
    list('policies/password', {
      about: 'List password policies.',
      returns: { keys: f.list('Their names.') },
      handle: async ({ engine: { passwordPolicies: policies } }) => {
        const keys = await policies.list()
        if (keys.length === 0) throw new Fault('not_found', 'no password policies')
        return answer({ keys })
      },
    }),
    read('policies/password/*name', {
      about: 'Read a password policy.',
      returns: { policy: f.string('The policy in HCL or JSON.') },
      fields: name,
      handle: async ({ engine }, values) => answer({ policy: present(await engine.passwordPolicies.get(values.name)) }),
    }),
    write('policies/password/*name', {
      about: 'Write a password policy.',
      canonical: { name: plainName },
      fields: { ...name, policy: f.string('The policy in HCL or JSON, as it is or in base64.').or('') },
      handle: async ({ engine: { passwordPolicies: policies } }, values) => {
        if (values.policy === '') throw refuse('missing policy', { listed: true })
        await policies.write(values.name, values.policy)
        return done()
      },
    }),
    remove('policies/password/*name', {
      about: 'Remove a password policy.',
      fields: name,
      handle: async ({ engine: { passwordPolicies: policies } }, values) => {
        await policies.delete(values.name)
        return done()
      },
    }),
    read('policies/password/*name/generate', {
      about: 'Generate a password.',
      returns: { password: f.string('The password.').secret() },
      fields: name,
      handle: async ({ engine }, values) =>
        answer({ password: present(await engine.passwordPolicies.generate(values.name)) }),
    }),
  ]
}

function present(found: string | undefined): string {
  if (found !== undefined) return found
  throw new Fault('no_route', 'policy does not exist', { listed: true })
}
