import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import type { PolicyPort, Has } from './policy-port.ts'
import { name, canonical, newer, writeFields, listMembers, documentless, policyMembers } from './policy-fields.ts'
import { store, erase } from './write-policy.ts'
import { folder, existing, entry } from './read-policy.ts'

const { read, list, write, remove } = routesOf<Has>()

const oldFields = { ...writeFields, rules: f.string('Older name of policy.').alias('policy').or('') }

const oldListMembers = injected({ ...listMembers, policies: f.list('The same.') })

const oldPolicyMembers = injected({ ...documentless, rules: policyMembers.policy })

async function oldList(policies: PolicyPort, below: string): Promise<Response> {
  const keys = await policies.list(folder(below))
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  return { data: { keys, policies: keys } }
}

/** `sys/policy`, the older form of `sys/policies/acl`. */
export function oldRoutes(): Route<Has>[] {
  return [
    ...[read, list].map((make) =>
      make('policy', {
        about: 'List policies (older form).',
        returns: oldListMembers,
        alias: () => ['policies/acl', 'policies/acl/'],
        handle: async ({ engine }) => oldList(engine.policies, ''),
      }),
    ),
    list('policy/*name', {
      about: 'List policies below a prefix (older form).',
      returns: oldListMembers,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => oldList(engine.policies, values.name),
    }),
    read('policy/*name', {
      about: 'Read a policy (older form).',
      returns: oldPolicyMembers,
      canonical,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => {
        const { policy, ...rest } = entry(await existing(engine.policies, values.name))
        return { data: { ...rest, rules: policy } }
      },
    }),
    write('policy/*name', {
      about: 'Write a policy (older form).',
      canonical,
      alias: newer,
      fields: oldFields,
      handle: async (call, values) => {
        if (values.policy !== '' || values.rules === '') return store(call, values)
        const response = await store(call, { ...values, policy: values.rules })
        return done(['"rules" is the old name of "policy"; use "policy"', ...(response.warnings ?? [])])
      },
    }),
    remove('policy/*name', {
      about: 'Remove a policy (older form).',
      canonical,
      alias: newer,
      fields: name,
      handle: async ({ engine }, values) => erase(engine.policies, values.name),
    }),
  ]
}
