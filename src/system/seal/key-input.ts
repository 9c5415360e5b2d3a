import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { fromBase64, fromHex } from '../../util/bytes.ts'

/** A key share of an operator: hexadecimal or base64. @throws Fault invalid_request */
export function shareOf(input: unknown, missing: string): Uint8Array {
  if (input === undefined || input === null || input === '') throw refuse(missing)
  if (typeof input !== 'string') throw refuse("'key' must be a string in JSON")
  const bytes = fromHex(input) ?? fromBase64(input)
  if (!bytes) throw refuse("'key' must be a valid hex or base64 string")
  return bytes
}

/** A whole number that must be one in JSON already. */
export function strictInt(name: string, input: unknown): number {
  if (input === undefined || input === null) return 0
  if (typeof input !== 'number' || !Number.isInteger(input))
    throw refuse(`failed to decode JSON input: "${name}" must be a whole number`)
  return input
}

/** A boolean that must be one in JSON already. */
export function strictBool(name: string, input: unknown): boolean {
  if (input === undefined || input === null) return false
  if (typeof input !== 'boolean') throw refuse(`failed to decode JSON input: "${name}" must be true or false`)
  return input
}

/** A list of strings that must be one in JSON already. */
export function strictStrings(name: string, input: unknown): readonly string[] {
  if (input === undefined || input === null) return []
  if (!Array.isArray(input) || input.some((item) => typeof item !== 'string'))
    throw refuse(`failed to decode JSON input: "${name}" must be a list of strings`)
  return input as readonly string[]
}

/** A string that must be one in JSON already. */
export function strictString(name: string, input: unknown): string {
  if (input === undefined || input === null) return ''
  if (typeof input !== 'string') throw refuse(`failed to decode JSON input: "${name}" must be a string`)
  return input
}

/** An integer, also as a string; absent is 0. */
export function weakInt(name: string, input: unknown): number {
  const value = f.int('').parse(input ?? 0)
  if (value === undefined) throw refuse(`"${name}" must be a whole number`)
  return value
}

/** A boolean, also as a string; absent is false. */
export function weakBool(name: string, input: unknown): boolean {
  const value = f.bool('').parse(input ?? false)
  if (value === undefined) throw refuse(`"${name}" must be true or false`)
  return value
}

/** A list of strings, or one comma-separated string; absent is an empty list. */
export function weakStrings(name: string, input: unknown): readonly string[] {
  const value = f.list('').parse(input ?? [])
  if (value === undefined || input === '') throw refuse(`"${name}" must be a list of at least one string`)
  return value
}
