import { fromBase64 } from '../../util/bytes.ts'
import { parseDuration } from '../../util/duration.ts'
import { parseGoBool } from '../../util/go-bool.ts'
import { Numeral } from '../../util/json.ts'

/**
 * The readings of weakly typed input, as Vault's API has it: `"5"` is 5, `"a,b"` a list. Each gives undefined for what it refuses.
 */

/**
 * A string, or a number or boolean as it was written. Undefined for other types: an object has a `toString` chosen by the caller.
 */
export const asString = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value instanceof Numeral ? value.literal : undefined
}

/** Decimal only: some parsers read `010` as 8 and `0x10` as 16, and a guess would be silent. */
export function wholeNumber(value: unknown): number | undefined {
  const number =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && integerPattern.test(value.trim())
        ? Number(value)
        : NaN
  return Number.isSafeInteger(number) ? number : undefined
}

const integerPattern = /^-?(0|[1-9]\d{0,15})$/

/** An integer; true is 1. */
export const asInt = (value: unknown): number | undefined =>
  typeof value === 'boolean' ? (value ? 1 : 0) : wholeNumber(value)

/** The most characters of a number in a string, as of one in JSON. */
export const longestNumber = 4096

/** Any finite number. */
export const asNumber = (value: unknown): number | undefined => {
  const input = asString(value)?.trim()
  const number =
    input !== undefined &&
    input.length <= longestNumber &&
    typeof value !== 'boolean' &&
    /^[-+]?\d*\.?\d+(e[-+]?\d{1,3})?$/i.test(input)
      ? Number(input)
      : NaN
  return Number.isFinite(number) ? number : undefined
}

/** True or false, 1 or 0, or the words that Go accepts as such. */
export const asBool = (value: unknown): boolean | undefined => {
  if (typeof value === 'boolean') return value
  // Of the numbers only these two: 7 is more likely a mistake than a yes.
  if (typeof value === 'number') return value === 1 ? true : value === 0 ? false : undefined
  return typeof value === 'string' ? parseGoBool(value) : undefined
}

/** Spaces only, or empty. */
export const isBlank = (input: string): boolean => input.trim() === ''

/** `a,b` or an array. Items of spaces only are left out; a value with only such items is neither a list nor an empty one. */
export function asList(value: unknown): readonly string[] | undefined {
  if (value === '') return []
  const items = Array.isArray(value)
    ? value.map(asString)
    : asString(value)
        ?.split(',', maxItems + 1)
        .map((item) => item.trim())
  // Splitting a long string to its end before counting would block the event loop.
  if (typeof value === 'string' && items && items.length > maxItems) return undefined
  if (!items?.every((item) => item !== undefined)) return undefined
  const filled = items.filter((item) => !isBlank(item))
  return filled.length === 0 && items.length > 0 ? undefined : filled
}

/** An array of strings, or one string, which is not split. */
export function asStrings(value: unknown): readonly string[] | undefined {
  if (value === '') return []
  const items = Array.isArray(value) ? value.map(asString) : [asString(value)]
  return items.every((item) => item !== undefined) ? items : undefined
}

/** The most members of a list in one string: as many as a JSON body may have. */
const maxItems = 100_000

/** Strings by name, from an object or `["k=v"]`. */
export const asMap = (value: unknown): Readonly<Record<string, string>> | undefined => {
  if (Array.isArray(value) || typeof value === 'string') {
    const items = value === '' ? undefined : asList(value)
    if (!items) return undefined
    const pairs = items.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)] as const)
    return items.every((item) => item.includes('=')) ? Object.fromEntries(pairs) : undefined
  }
  if (value === null || typeof value !== 'object') return undefined
  const pairs = Object.entries(value).map(
    ([name, member]) => [name, typeof member === 'boolean' ? (member ? '1' : '0') : asString(member)] as const,
  )
  return pairs.every(([, member]) => member !== undefined)
    ? (Object.fromEntries(pairs) as Record<string, string>)
    : undefined
}

/** A JSON object. */
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral)

/** An empty array means an empty object: some languages do not distinguish them. */
export const asObject = (value: unknown): Readonly<Record<string, unknown>> | undefined => {
  if (Array.isArray(value) && value.length === 0) return {}
  return isObject(value) ? value : undefined
}

/** A list of JSON objects. */
export const asObjects = (value: unknown): readonly Readonly<Record<string, unknown>>[] | undefined =>
  Array.isArray(value) && value.every(isObject) ? value : undefined

/** Whole seconds, from a number or a Go duration. */
export const asDuration = (value: unknown): number | undefined =>
  value === '' ? 0 : typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined

/** Bytes, from strict standard base64. */
export const asBytes = (value: unknown): Uint8Array | undefined =>
  typeof value === 'string' ? fromBase64(value) : undefined
