import { refuse } from '../../../contract/fault.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import { Numeral } from '../../../util/json.ts'
import type { Json } from '../../../util/json.ts'

function damaged(what: string): never {
  throw refuse(`the backup is damaged: ${what} is missing, or cannot be`)
}

/** A JSON object. @throws Fault invalid_request, like all functions here. */
export function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Numeral) damaged(what)
  return value as Json
}

/** A JSON array. */
export function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : damaged(what)
}

/** A string. */
export function word(value: unknown, what: string): string {
  return typeof value === 'string' ? value : damaged(what)
}

/** A whole number that JavaScript has exactly. */
export function whole(value: unknown, what: string): number {
  return Number.isSafeInteger(value) ? (value as number) : damaged(what)
}

/** An integer; one of 20 digits is parsed as a string and rounded. */
export function numeric(value: unknown, what: string): number {
  const found = value instanceof Numeral ? Number(value.literal) : value
  return Number.isInteger(found) ? (found as number) : damaged(what)
}

/** A number of any size, not negative. */
export function big(value: unknown, what: string): bigint {
  const literal = value instanceof Numeral ? value.literal : typeof value === 'number' ? String(value) : ''
  return /^\d+$/.test(literal) ? BigInt(literal) : damaged(what)
}

/** A boolean; false by default. */
export function flag(value: unknown, what: string): boolean {
  return typeof value === 'boolean' || value === undefined ? value === true : damaged(what)
}

/** Bytes in base64. */
export function binary(value: unknown, what: string): Uint8Array {
  return fromBase64(word(value, what)) ?? damaged(what)
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/

/** An RFC 3339 time in milliseconds since the epoch, not before it and not after `until`. */
export function timeOf(value: unknown, until: number): number {
  const at = typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : NaN
  return at >= 0 && at <= until ? at : damaged('a time')
}
