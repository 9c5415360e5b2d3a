import { base64, textOrNone } from '../util/bytes.ts'
import { Numeral } from '../util/json.ts'
import { parseGoBool } from '../util/go-bool.ts'
import type { ValueType } from './profile.ts'

/** A value that cannot become what it has to be. The message never has the value: it may be a secret. */
export class NotConvertible extends Error {}

/** A value as another type, with the leniency of Go's weak decoding: `"42"` is an integer, `true` the string `1`. @throws NotConvertible */
export function converted(value: unknown, type: ValueType): unknown {
  return conversions[type](value)
}

const conversions: Readonly<Record<ValueType, (value: unknown) => unknown>> = {
  string: asText,
  int: (value) => Math.trunc(asNumber(value, 'an integer', /^[+-]?\d+$/)),
  float64: (value) => asNumber(value, 'a number', /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i),
  bool: asBool,
  '[]string': asTexts,
  map: asMap,
  any: (value) => (value instanceof Uint8Array ? base64(value) : value),
}

/** @throws NotConvertible */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') return String(value)
  if (value instanceof Numeral) return value.literal
  if (value === null || value === undefined) return ''
  if (!(value instanceof Uint8Array)) throw new NotConvertible(`it is ${kindOf(value)}, and must be a string`)
  const text = textOrNone(value)
  if (text === undefined) throw new NotConvertible('it is not UTF-8: eval_type "any" gives its bytes as base64')
  return text
}

function asNumber(value: unknown, wanted: string, pattern: RegExp): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  if (value === null || value === undefined || value === '') return 0
  const text = value instanceof Numeral || value instanceof Uint8Array || typeof value === 'string' ? asText(value).trim() : '' // prettier-ignore
  const number = pattern.test(text) ? Number(text) : NaN
  if (Number.isFinite(number)) return number
  throw new NotConvertible(`it must be ${wanted}`)
}

/** @throws NotConvertible */
export function asBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (value === null || value === undefined || value === '') return false
  const found = typeof value === 'string' ? parseGoBool(value) : undefined
  if (found !== undefined) return found
  throw new NotConvertible('it must be true or false')
}

/** @throws NotConvertible */
export function asTexts(value: unknown): readonly string[] {
  if (value === null || value === undefined) return []
  return Array.isArray(value) ? value.map(asText) : [asText(value)]
}

/** @throws NotConvertible */
export function asMap(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {}
  if (Array.isArray(value)) return Object.fromEntries(value.flatMap((one) => Object.entries(asMap(one))))
  if (typeof value === 'object' && !(value instanceof Uint8Array) && !(value instanceof Numeral))
    return value as Readonly<Record<string, unknown>>
  throw new NotConvertible(`it is ${kindOf(value)}, and must be a map`)
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`
}
