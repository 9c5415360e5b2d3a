import type { Field } from '../../contract/field.ts'
import { compiledOnce } from './compiled.ts'
import type { ComparisonBudget } from './effort.ts'
import { globFits, isPattern, sameShape } from './glob.ts'
import { exactKey } from './readings.ts'

/** A rule's values of one name, ready for comparing. */
interface Allowed {
  readonly keys: ReadonlySet<string>
  readonly patterns: readonly string[]
  readonly shapes: readonly unknown[]
}

const compiledFor = compiledOnce((values, field): Allowed => ({
  keys: new Set(values.map((value) => exactKey(value, field))),
  patterns: values.filter((value) => typeof value === 'string').filter(isPattern),
  shapes: values.filter((value) => typeof value === 'object').filter(isPattern),
}))

/**
 * Whether a value is one of the allowed ones: the route reads both alike, or a pattern matches the string. If the route
 * reads a string as a list, each of its members must be allowed: `"dev-*"` does not allow `"dev-a,root"`.
 * @param values the rule's, not empty
 * @param budget once it is exhausted, the result is false
 */
export function fits(
  values: readonly unknown[],
  value: unknown,
  field: Field<unknown> | undefined,
  budget: ComparisonBudget,
): boolean {
  const rule = compiledFor(values, field)
  if (rule.keys.has(exactKey(value, field))) return true
  if (typeof value === 'object' && value !== null && rule.shapes.some((shape) => sameShape(shape, value))) return true
  if (!budget.take(typeof value === 'string' ? value.length : 0, rule.patterns.length)) return false
  const members = membersOf(value, field)
  if (typeof value === 'string' && !rule.patterns.some((pattern) => globFits(pattern, value))) return false
  return members !== undefined && members.every((member) => fitsAlone(rule, member, field, budget))
}

function fitsAlone(rule: Allowed, text: string, field: Field<unknown> | undefined, budget: ComparisonBudget): boolean {
  if (!budget.take(text.length, rule.patterns.length)) return false
  // A member may contain commas itself: it is not split again.
  const alone = field?.kind === 'list' || field?.kind === 'map' ? [text] : text
  return rule.keys.has(exactKey(alone, field)) || rule.patterns.some((pattern) => globFits(pattern, text))
}

/** The strings to match with patterns. None for a value that is not a string, and for a list in another form. */
function membersOf(value: unknown, field: Field<unknown> | undefined): readonly string[] | undefined {
  const read = field?.kind === 'list' || field?.kind === 'map' ? field.parse(value) : undefined
  const members = Array.isArray(read) ? (read as readonly string[]) : undefined
  if (members && (typeof value === 'string' || members.length === 1)) return members
  if (typeof value !== 'string') return undefined
  return read && typeof read === 'object'
    ? Object.entries(read).map(([name, text]) => `${name}=${String(text)}`)
    : [value]
}
