import type { PathRule } from './document.ts'

/**
 * What is left of a templated rule while nobody has an identity: nothing that allows, but a `deny` denies everything
 * below the part of its path that is known. Leaving it out would open what it was written to close.
 */
export function staticDeny(rule: PathRule): PathRule | undefined {
  if (!rule.capabilities.has('deny')) return undefined
  return { ...rule, path: `${rule.path.slice(0, rule.path.indexOf('{{'))}*`, templated: false }
}
