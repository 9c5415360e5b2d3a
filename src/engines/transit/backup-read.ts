import { refuse } from '../../contract/fault.ts'
import { Numeral } from '../../util/json.ts'
import type { Json } from '../../util/json.ts'

function damaged(what: string): never {
  throw refuse(`the backup is damaged: ${what} is missing or not of its kind`)
}

/** A JSON object. @throws Fault invalid_request, as all functions here. */
export function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Numeral) damaged(what)
  return value as Json
}

/** A JSON array. */
export function list(value: unknown, what: string): readonly unknown[] {
  return Array.isArray(value) ? value : damaged(what)
}

/** A text. */
export function word(value: unknown, what: string): string {
  return typeof value === 'string' ? value : damaged(what)
}

/** A whole number; 20-digit ones come as their text and are rounded. */
export function whole(value: unknown, what: string): number {
  const number = value instanceof Numeral ? Number(value.literal) : value
  return typeof number === 'number' && Number.isInteger(number) ? number : damaged(what)
}

/** A number of any size. */
export function big(value: unknown, what: string): bigint {
  const literal = value instanceof Numeral ? value.literal : String(value)
  return /^\d+$/.test(literal) ? BigInt(literal) : damaged(what)
}

/** True or false; what is not there is false. */
export function flag(value: unknown): boolean {
  return value === true
}

/** An RFC 3339 time in milliseconds since the epoch. */
export function timeOf(value: unknown): number {
  const at = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(at) ? damaged('a time') : at
}
