import { f } from '../contract/field.ts'
import { Numeral } from '../util/json.ts'
import type { ParameterRules } from './document.ts'

type Data = Readonly<Record<string, unknown>>

/** The parameter conditions of one rule. */
export interface Conditions {
  readonly allowed: ParameterRules | undefined
  readonly denied: ParameterRules | undefined
  readonly required: readonly string[]
}

/**
 * Whether a request's parameters satisfy a rule. Names are compared without regard to case, except for required ones:
 * Vault lower-cases the rule's names only, so that a required `X` asks for an `x`.
 */
export function parametersFit(conditions: Conditions, data: Data): boolean {
  return misfit(conditions, data) === undefined
}

/** A parameter that a rule refuses: one that is missing, one that is denied (by name or by value), or one that is not among those allowed. */
export interface Misfit {
  readonly name: string
  readonly kind: 'missing' | 'denied' | 'not allowed'
}

/** The first parameter that does not satisfy a rule. */
export function misfit({ allowed, denied, required }: Conditions, data: Data): Misfit | undefined {
  if (!allowed?.size && !denied?.size && required.length === 0) return undefined
  const missing = required.find((name) => !Object.hasOwn(data, name.toLowerCase()))
  if (missing !== undefined) return { name: missing, kind: 'missing' }
  for (const name in data) {
    const no = denied?.get('*') ? [] : denied?.get(name.toLowerCase())
    if (no && (no.length === 0 || no.some((one) => touches(one, data[name])))) return { name, kind: 'denied' }
    if (allowed?.size && !allowedOne(allowed, name.toLowerCase(), data[name])) return { name, kind: 'not allowed' }
  }
  return undefined
}

function allowedOne(allowed: ParameterRules, name: string, value: unknown): boolean {
  const values = allowed.get(name)
  if (!values) return allowed.has('*')
  return values.length === 0 || values.some((one) => same(one, value))
}

const [asText, asInt, asBool] = [f.string('').parse, f.int('').parse, f.bool('').parse]

/**
 * Whether a denied value stands in a parameter: by itself, as one member of a list or part of `"a,b"`, or written in
 * another type that handlers read as the same. A value must not slip past the rule by being dressed up.
 */
function touches(rule: unknown, value: unknown): boolean {
  if (same(rule, value) || rule === '*') return true
  if (Array.isArray(value)) return value.some((item) => touches(rule, item))
  if (typeof rule === 'boolean') return asBool(value) === rule
  const text = asText(value)
  if (text === undefined) return false
  if (typeof value === 'string' && text.includes(',')) return text.split(',').some((part) => touches(rule, part.trim()))
  if (typeof rule === 'number') return asInt(value) === rule || (text.trim() !== '' && Number(text) === rule)
  return typeof rule === 'string' && globFits(rule, text)
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

/** `x*`, `*x` and `*x*`; a star elsewhere, or one alone, is a star. */
function globFits(rule: string, value: string): boolean {
  if (rule === '*') return value === '*'
  const [start, end] = [rule.startsWith('*'), rule.endsWith('*')]
  const core = rule.slice(start ? 1 : 0, end ? -1 : undefined)
  if (start && end) return value.includes(core)
  if (start) return value.endsWith(core)
  return end ? value.startsWith(core) : value === rule
}
