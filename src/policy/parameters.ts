import { Numeral } from '../util/json.ts'
import type { ParameterRules } from './document.ts'

type Data = Readonly<Record<string, unknown>>

/** The parameter conditions of one rule. */
export interface Conditions {
  readonly allowed: ParameterRules | undefined
  readonly denied: ParameterRules | undefined
  readonly required: readonly string[]
}

/** Whether a request's parameters satisfy a rule. Names are compared without regard to case. */
export function parametersFit({ allowed, denied, required }: Conditions, data: Data): boolean {
  if (!allowed?.size && !denied?.size && required.length === 0) return true
  const given = new Map(Object.entries(data).map(([name, value]) => [name.toLowerCase(), value] as const))
  if (required.some((name) => !given.has(name.toLowerCase()))) return false
  if (given.size === 0) return true
  if (denied?.has('*')) return false
  for (const [name, value] of given) {
    const no = denied?.get(name)
    if (no && (no.length === 0 || touches(no, value))) return false
    if (allowed?.size && !allowedOne(allowed, name, value)) return false
  }
  return true
}

function allowedOne(allowed: ParameterRules, name: string, value: unknown): boolean {
  const values = allowed.get(name)
  if (!values) return allowed.has('*')
  return values.length === 0 || within(values, value)
}

/** Some denied value stands in it: alone, or anywhere in a list. A list must not smuggle a denied value past the rule. */
function touches(values: readonly unknown[], value: unknown): boolean {
  return values.some((one) => same(one, value)) || (Array.isArray(value) && value.some((item) => touches(values, item)))
}

/** All of it is allowed: as a whole, or each item of a list. */
function within(values: readonly unknown[], value: unknown): boolean {
  return (
    values.some((one) => same(one, value)) ||
    (Array.isArray(value) && value.length > 0 && value.every((item) => within(values, item)))
  )
}

function same(rule: unknown, value: unknown): boolean {
  if (typeof rule === 'string' && typeof value === 'string') return globFits(rule, value)
  if (value instanceof Numeral) return typeof rule === 'number' && Number(value.literal) === rule
  if (typeof rule !== 'object' || rule === null || typeof value !== 'object' || value === null) return rule === value
  const [a, b] = [Object.entries(rule), Object.entries(value)]
  return (
    Array.isArray(rule) === Array.isArray(value) &&
    a.length === b.length &&
    a.every(([name, item]) => Object.hasOwn(value, name) && same(item, (value as Data)[name]))
  )
}

/** `x*`, `*x` and `*x*`; a star elsewhere is a star. */
function globFits(rule: string, value: string): boolean {
  const [start, end] = [rule.startsWith('*'), rule.endsWith('*') && rule.length > 1]
  const core = rule.slice(start ? 1 : 0, end ? -1 : undefined)
  if (start && end) return value.includes(core)
  if (start) return value.endsWith(core)
  return end ? value.startsWith(core) : value === rule
}
