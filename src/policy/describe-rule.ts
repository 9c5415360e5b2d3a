import type { Capability } from '../contract/identity.ts'
import type { Merged } from './rules.ts'

/** The order in which `resultant-acl` names capabilities. */
const displayOrder: readonly Capability[] = ['create', 'delete', 'list', 'read', 'sudo', 'update', 'patch', 'scan']

/** A rule as `resultant-acl` shows it. */
export function describedRule(rule: Merged): Record<string, unknown> {
  const none = rule.capabilities.size === 0 || rule.capabilities.has('deny')
  return {
    capabilities: none ? ['deny'] : displayOrder.filter((capability) => rule.capabilities.has(capability)),
    ...(rule.allowed.size > 0 && { allowed_parameters: Object.fromEntries(rule.allowed) }),
    ...(rule.denied.size > 0 && { denied_parameters: Object.fromEntries(rule.denied) }),
    ...(rule.required.size > 0 && { required_parameters: [...rule.required] }),
    ...(rule.minWrappingTtl !== undefined && { min_wrapping_ttl: rule.minWrappingTtl }),
    ...(rule.maxWrappingTtl !== undefined && { max_wrapping_ttl: rule.maxWrappingTtl }),
    ...(rule.paginationLimit !== undefined && { pagination_limit: rule.paginationLimit }),
  }
}
