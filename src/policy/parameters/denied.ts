import type { Field } from '../../contract/field.ts'
import { compiledOnce } from './compiled.ts'
import type { ComparisonBudget } from './effort.ts'
import { globFits, isPattern, sameShape } from './glob.ts'
import { folded, ruleKeys, textOfScalar, valueKeys } from './readings.ts'

/** A rule's values of one name, ready for comparing. */
interface Denied {
  readonly anything: boolean
  readonly keys: ReadonlySet<string>
  readonly patterns: readonly string[]
  /** Lists and objects with patterns in them. */
  readonly shapes: readonly unknown[]
  /** Whether whole lists or objects are among the values. */
  readonly wholes: boolean
}

const compiledFor = compiledOnce(compile)

/**
 * Whether a denied value stands in a parameter: by itself, as one member of a list or part of `"a,b"`, or written in
 * another way that the route reads as the same. A value must not slip past the rule by being dressed up.
 * @param values the rule's, not empty
 * @param budget once it is exhausted, the result is false, and the request must be refused
 */
export function denies(
  values: readonly unknown[],
  value: unknown,
  field: Field<unknown> | undefined,
  budget: ComparisonBudget,
): boolean {
  const rule = compiledFor(values, field)
  return rule.anything || hasDenied(rule, value, field, budget)
}

/** Whether a denied value is the default of the route. Patterns apply only to sent values. */
export function deniesDefault(values: readonly unknown[], value: unknown, field: Field<unknown>): boolean {
  const { keys } = compiledFor(values, field)
  return valueKeys(value, field).some((key) => keys.has(key))
}

function hasDenied(rule: Denied, value: unknown, field: Field<unknown> | undefined, budget: ComparisonBudget): boolean {
  const text = textOfScalar(value)
  if (!budget.take(text?.length ?? 0, rule.patterns.length)) return false
  if (text !== undefined || rule.wholes || value === null)
    if (valueKeys(value, field).some((key) => rule.keys.has(key))) return true
  if (text !== undefined) return textHasDenied(rule, text, field, budget)
  if (rule.shapes.some((shape) => sameShape(shape, value))) return true
  return Array.isArray(value) && value.some((item) => hasDenied(rule, item, field, budget))
}

function textHasDenied(
  rule: Denied,
  text: string,
  field: Field<unknown> | undefined,
  budget: ComparisonBudget,
): boolean {
  const plain = field ? folded(text) : text
  if (rule.patterns.some((pattern) => globFits(pattern, plain))) return true
  for (let [from, end] = [0, text.indexOf(',')]; from > 0 || end >= 0;) {
    const part = text.slice(from, end < 0 ? undefined : end).trim()
    if (hasDenied(rule, part, field, budget)) return true
    if (end < 0 || budget.spent) return false
    from = end + 1
    end = text.indexOf(',', from)
  }
  return false
}

function compile(values: readonly unknown[], field: Field<unknown> | undefined): Denied {
  const texts = values.filter((value) => typeof value === 'string')
  const structured = values.filter((value) => typeof value === 'object')
  return {
    anything: values.includes('*'),
    keys: new Set(values.flatMap((value) => ruleKeys(value, field))),
    patterns: texts.filter(isPattern).map((text) => (field ? folded(text) : text)),
    shapes: structured.filter(isPattern),
    wholes: structured.length > 0 || field?.kind === 'list' || field?.kind === 'map' || field?.kind === 'any',
  }
}
