import type { PathRule } from './document.ts'
import { compilePattern } from './pattern.ts'
import type { Pattern } from './pattern.ts'

/**
 * The paths that a templated `deny` closes while nobody has an identity: all that begin with the part of its path that is
 * known, in whatever case. Leaving the rule out would open what it was written to close.
 */
export function closedBy(rule: PathRule): Pattern {
  return compilePattern(`${rule.path.slice(0, rule.path.indexOf('{{'))}*`.toLowerCase())
}
