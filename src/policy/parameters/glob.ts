import { Numeral } from '../../util/json.ts'

/** Whether a rule's value is tried as a pattern, by itself or somewhere inside. */
export function isPattern(value: unknown): boolean {
  if (typeof value === 'string') return value !== '*' && (value.startsWith('*') || value.endsWith('*'))
  return typeof value === 'object' && value !== null && Object.values(value).some(isPattern)
}

/** `x*`, `*x` and `*x*`; a star in another place, or alone, is literal. */
export function globFits(rule: string, value: string): boolean {
  if (rule === '*') return value === '*'
  const [start, end] = [rule.startsWith('*'), rule.endsWith('*')]
  const core = rule.slice(start ? 1 : 0, end ? -1 : undefined)
  if (start && end) return value.includes(core)
  if (start) return value.endsWith(core)
  return end ? value.startsWith(core) : value === rule
}

/** Whether a list or object matches the rule's, with strings compared as patterns. */
export function sameShape(rule: unknown, value: unknown): boolean {
  if (typeof rule === 'string' && typeof value === 'string') return globFits(rule, value)
  if (value instanceof Numeral) return typeof rule === 'number' && Number(value.literal) === rule
  if (typeof rule !== 'object' || rule === null || typeof value !== 'object' || value === null) return rule === value
  if (Array.isArray(rule) !== Array.isArray(value)) return false
  const names = Object.keys(rule)
  return (
    names.length === Object.keys(value).length &&
    names.every((name) => Object.hasOwn(value, name) && sameShape(memberOf(rule, name), memberOf(value, name)))
  )
}

const memberOf = (holder: object, name: string): unknown => (holder as Readonly<Record<string, unknown>>)[name]
