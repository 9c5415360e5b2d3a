import { f } from '../../contract/field.ts'
import { answer } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call, Route } from '../../contract/route.ts'
import type { PolicyPort, Has } from './policy-port.ts'
import { name, canonical, older, changeFields, writeFields, listMembers, policyMembers } from './policy-fields.ts'
import { store, amend, erase } from './write-policy.ts'
import { oldRoutes } from './older-policies.ts'
import { folder, listed, detailed, existing, entry } from './read-policy.ts'

const { read, list, write, patch, remove } = routesOf<Has>()

const prefix = { prefix: f.string('Only names below this prefix.').or('') }

/** `sys/policies/acl`, `sys/policies/detailed/acl`, and the older `sys/policy`. */
export function policyRoutes(): Route<Has>[] {
  return [...listRoutes(), ...recordRoutes(), ...oldRoutes()]
}

function listRoutes(): Route<Has>[] {
  const names = async (policies: PolicyPort, below: string) => listed(await policies.list(folder(below)))
  const details = async ({ engine: { policies }, caller }: Pick<Call<Has>, 'engine' | 'caller'>, below: string) =>
    detailed(policies, await policies.list(folder(below)), caller)
  return [
    list('policies/acl', {
      about: 'List policies.',
      returns: listMembers,
      alias: () => ['policy', 'policy/'],
      handle: async ({ engine }) => names(engine.policies, ''),
    }),
    list('policies/acl/*name', {
      about: 'List policies below a prefix.',
      returns: listMembers,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => names(engine.policies, values.name),
    }),
    list('policies/detailed/acl', {
      about: 'List policies with their rules.',
      returns: { ...listMembers, key_info: f.object('The policies, by name.') },
      handle: async (call) => details(call, ''),
    }),
    list('policies/detailed/acl/*prefix', {
      about: 'List policies below a prefix with their rules.',
      returns: { ...listMembers, key_info: f.object('The policies, by name.') },
      fields: prefix,
      handle: async (call, values) => details(call, values.prefix),
    }),
  ]
}

function recordRoutes(): Route<Has>[] {
  return [
    read('policies/acl/*name', {
      about: 'Read a policy.',
      returns: policyMembers,
      canonical,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => answer(entry(await existing(engine.policies, values.name))),
    }),
    write('policies/acl/*name', {
      about: 'Write a policy.',
      canonical,
      alias: older,
      fields: writeFields,
      handle: async (call, values) => store(call, values),
    }),
    patch('policies/acl/*name', {
      about: 'Change parts of a policy.',
      canonical,
      alias: older,
      fields: changeFields,
      handle: async ({ engine, request }, values) => amend(engine.policies, values, request.data),
    }),
    remove('policies/acl/*name', {
      about: 'Remove a policy.',
      canonical,
      alias: older,
      fields: name,
      handle: async ({ engine }, values) => erase(engine.policies, values.name),
    }),
  ]
}
