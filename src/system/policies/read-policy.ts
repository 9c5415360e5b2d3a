import { Fault } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import { answer } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { PolicyEntry, PolicyPort } from './policy-port.ts'

/** A prefix of names, which ends in a slash; '' for all of them. */
export const folder = (below: string): string => (below === '' || below.endsWith('/') ? below : `${below}/`)

/** The names of policies. @throws Fault not_found when there are none */
export function listed(keys: readonly string[]): Response {
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  return answer({ keys })
}

/** Leaves out the documents of policies that the caller is denied to read. */
export async function detailed(policies: PolicyPort, keys: readonly string[], caller: Caller): Promise<Response> {
  if (keys.length === 0) throw new Fault('not_found', 'no policies')
  const visible = keys.filter((key) => !caller.denies(`sys/policies/acl/${key}`) && !caller.denies(`sys/policy/${key}`))
  const found = await Promise.all(visible.map(async (key) => policies.get(key)))
  const info = found.flatMap((policy) => (policy ? [[policy.name, entry(policy)] as const] : []))
  return answer({ keys, key_info: Object.fromEntries(info) })
}

/** A policy. @throws Fault not_found */
export async function existing(policies: PolicyPort, wanted: string): Promise<PolicyEntry> {
  const policy = await policies.get(wanted)
  if (!policy) throw new Fault('not_found', 'no such policy')
  return policy
}

/** A policy as these routes show it. */
export function entry(policy: PolicyEntry): Record<string, unknown> {
  return {
    name: policy.name,
    policy: policy.policy,
    version: policy.version,
    cas_required: policy.casRequired,
    allow_wildcards_in_identity_templates: policy.allowWildcards,
    allow_slashes_in_identity_templates: policy.allowSlashes,
    ...(policy.modified !== undefined && { modified: rfc3339(policy.modified) }),
    ...(policy.expiration !== undefined && {
      expiration: new Date(policy.expiration).toISOString().replace('.000Z', 'Z'),
    }),
  }
}
