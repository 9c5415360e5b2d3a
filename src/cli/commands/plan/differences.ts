import { parseDuration } from '../../../util/duration.ts'
import { parseGoBool } from '../../../util/go-bool.ts'
import { Numeral } from '../../../util/json.ts'

/**
 * Whether what a file says and what a server shows are the same thing: servers show durations in seconds, lists sorted, and
 * texts as numbers or booleans.
 */
export function isSame(wanted: unknown, current: unknown): boolean {
  if (wanted === current) return true
  if (wanted instanceof Numeral || current instanceof Numeral) return textOf(wanted) === textOf(current)
  if (wanted === null || current === null || current === undefined) return isEmpty(wanted) && isEmpty(current)
  if (Array.isArray(current)) return isSameList(listOf(wanted), current)
  if (Array.isArray(wanted)) return isSameList(wanted, listOf(current))
  if (typeof wanted === 'object' || typeof current === 'object') return isSameMap(wanted, current)
  if (typeof current === 'boolean') return typeof wanted === 'string' && parseGoBool(wanted) === current
  if (typeof current === 'number') return isSameNumber(wanted, current)
  return textOf(wanted) === textOf(current)
}

const textOf = (value: unknown): string => (value instanceof Numeral ? value.literal : String(value))

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && !(value instanceof Numeral) && Object.keys(value).length === 0)

const isSameNumber = (wanted: unknown, current: number): boolean =>
  Number(wanted) === current || (typeof wanted === 'string' && parseDuration(wanted) === current)

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value)
    ? (value as unknown[])
    : textOf(value)
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')

/** The order of texts has no meaning to servers. */
function isSameList(wanted: readonly unknown[], current: readonly unknown[]): boolean {
  const plainLists = [...wanted, ...current].every((item) => typeof item !== 'object')
  if (plainLists) {
    const [a, b] = [new Set(wanted.map(textOf)), new Set(current.map(textOf))]
    return a.size === b.size && [...a].every((item) => b.has(item))
  }
  return wanted.length === current.length && wanted.every((item, at) => isSame(item, current[at]))
}

function isSameMap(wanted: unknown, current: unknown): boolean {
  if (typeof wanted !== 'object' || typeof current !== 'object' || wanted === null || current === null) return false
  const names = Object.keys(wanted)
  return names.length === Object.keys(current).length && names.every((name) => isSame(member(wanted, name), member(current, name))) // prettier-ignore
}

/** A member of an object. */
export const member = (of: object, name: string): unknown =>
  Object.hasOwn(of, name) ? (of as Readonly<Record<string, unknown>>)[name] : undefined
