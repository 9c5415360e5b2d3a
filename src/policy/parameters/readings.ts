import { f, readAs } from '../../contract/field.ts'
import { longestNumber } from '../../contract/wire/weak-types.ts'
import type { Field } from '../../contract/field.ts'
import { base64 } from '../../util/bytes.ts'
import { parseDuration } from '../../util/duration.ts'
import { Numeral } from '../../util/json.ts'

/** A field of a route, or undefined if a route accepts any parameters. */
type Reader = Field<unknown> | undefined

const [asText, asInt, asBool] = [f.string('').parse, f.int('').parse, f.bool('').parse]
/** Members of a list that is compared as a whole. */
const mostMembers = 1000

/**
 * Letter case, spaces at the ends and line breaks are ignored for denials: some routes fold case, base64 may be wrapped, and
 * a deny applies to all forms.
 */
export const folded = (text: string): string =>
  text
    .replace(/[\r\n]+/g, '')
    .trim()
    .toLowerCase()

/** A scalar as a string. Undefined for lists, objects and null. */
export const textOfScalar = (value: unknown): string | undefined => asText(value)

/**
 * The meanings of a rule's value. A request's value of which `valueKeys` has one of these is the same to the route: the
 * field reads both alike, or reads the texts that they are alike (a duration in another unit, another letter case).
 */
export function ruleKeys(value: unknown, field: Reader): string[] {
  const keys = fieldKeys(value, field)
  if (typeof value === 'boolean') keys.push(`b:${value}`)
  else if (typeof value === 'number') keys.push(`n:${value}`)
  else if (typeof value === 'string') keys.push(`s:${value}`)
  else keys.push(`o:${strict(value)}`)
  return keys
}

/** The forms of a request's value. An empty one may mean the default. */
export function valueKeys(value: unknown, field: Reader): string[] {
  const keys = fieldKeys(value, field)
  const fallback = value === null || value === '' ? defaultOf(field) : undefined
  if (fallback !== undefined) keys.push(...valueKeys(fallback, field))
  const text = asText(value)
  if (text === undefined) {
    keys.push(`o:${strict(value)}`)
    return keys
  }
  keys.push(`s:${text}`)
  const [boolean, whole] = [asBool(value), asInt(value)]
  if (boolean !== undefined) keys.push(`b:${boolean}`)
  if (whole !== undefined) keys.push(`n:${whole}`)
  else {
    const number = numberOf(text)
    if (!Number.isNaN(number)) keys.push(`n:${number}`)
  }
  return keys
}

/** The route's value for an omitted parameter, if any. */
export function defaultOf(field: Reader): unknown {
  const fallback = field?.fallback
  return typeof fallback === 'object' || fallback === '' ? undefined : fallback
}

/** As the field reads it, and in the forms in which handlers read on. */
function fieldKeys(value: unknown, field: Reader): string[] {
  if (!field) return []
  const keys: string[] = []
  const parsed = readAs(field, value)
  const read = parsed === undefined ? undefined : foldedForm(parsed)
  if (read !== undefined) keys.push(`p:${read}`)
  const text = asText(value)
  if (text !== undefined) keys.push(`f:${folded(text)}`)
  if (field.kind === 'string' && text !== undefined) {
    const seconds = parseDuration(text)
    if (seconds !== undefined) keys.push(`d:${seconds}`)
  }
  if (text === undefined || field.kind === 'any') keys.push(`a:${loose(value)}`)
  return keys
}

/**
 * The field's reading of a value, as a string; the order of a list and repeated members are ignored. Undefined for a long list.
 */
function foldedForm(parsed: unknown): string | undefined {
  if (parsed instanceof Uint8Array) return base64(parsed)
  if (typeof parsed === 'string') return folded(parsed)
  if (typeof parsed === 'number' || typeof parsed === 'boolean') return String(parsed)
  if (!Array.isArray(parsed)) return loose(parsed)
  const members = new Set(parsed.map((one) => (typeof one === 'string' ? folded(one) : loose(one))))
  return members.size > mostMembers ? undefined : JSON.stringify([...members].sort())
}

/** One string for all values that some handler might read alike: `1`, `"1"`, `true`, `"t"` and `"1s"` have the same. */
function loose(value: unknown): string {
  const text = asText(value)
  if (text !== undefined) return looseText(value, text)
  if (Array.isArray(value)) return `[${value.map(loose).join(',')}]`
  if (value instanceof Uint8Array) return base64(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return `{${named(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${loose(member)}`)
    .join(',')}}`
}

function looseText(value: unknown, text: string): string {
  const boolean = asBool(value)
  if (boolean !== undefined) return `n${Number(boolean)}`
  const seconds = parseDuration(text)
  if (seconds !== undefined) return `n${seconds}`
  const number = numberOf(text)
  return Number.isFinite(number) ? `n${number}` : JSON.stringify(folded(text))
}

/** NaN if no field reads it as a number. */
function numberOf(text: string): number {
  const input = text.trim()
  return input === '' || input.length > longestNumber ? NaN : Number(input)
}

/** The route's exact reading of a value; without a field, the value itself with its type. */
export function exactKey(value: unknown, field: Reader): string {
  const parsed = field && readAs(field, value)
  if (parsed === undefined || field?.kind === 'any') return `x:${strict(value)}`
  return `p:${parsed instanceof Uint8Array ? base64(parsed) : strict(parsed)}`
}

/** JSON with its names in order. */
function strict(value: unknown): string {
  if (value instanceof Numeral) return String(Number(value.literal))
  if (Array.isArray(value)) return `[${value.map(strict).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  return `{${named(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${strict(member)}`)
    .join(',')}}`
}

const named = (value: object): [string, unknown][] =>
  Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
