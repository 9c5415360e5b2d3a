import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { fromBase64, fromHex } from '../../util/bytes.ts'

/** A key share as operators give it: hexadecimal or base64. @throws Fault invalid_request */
export function shareOf(given: unknown, missing: string): Uint8Array {
  if (given === undefined || given === null || given === '') throw refuse(missing)
  if (typeof given !== 'string') throw refuse("'key' must be a text in JSON")
  const bytes = fromHex(given) ?? fromBase64(given)
  if (!bytes) throw refuse("'key' must be a valid hex or base64 string")
  return bytes
}

/** A whole number that must be one in JSON already. */
export function strictInt(name: string, given: unknown): number {
  if (given === undefined || given === null) return 0
  if (typeof given !== 'number' || !Number.isInteger(given))
    throw refuse(`failed to decode JSON input: "${name}" must be a whole number`)
  return given
}

/** A truth value that must be one in JSON already. */
export function strictBool(name: string, given: unknown): boolean {
  if (given === undefined || given === null) return false
  if (typeof given !== 'boolean') throw refuse(`failed to decode JSON input: "${name}" must be true or false`)
  return given
}

/** A list of texts that must be one in JSON already. */
export function strictTexts(name: string, given: unknown): readonly string[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given) || given.some((item) => typeof item !== 'string'))
    throw refuse(`failed to decode JSON input: "${name}" must be a list of texts`)
  return given as readonly string[]
}

/** A text that must be one in JSON already. */
export function strictText(name: string, given: unknown): string {
  if (given === undefined || given === null) return ''
  if (typeof given !== 'string') throw refuse(`failed to decode JSON input: "${name}" must be a text`)
  return given
}

/** A whole number, also as text; absent is 0. */
export function weakInt(name: string, given: unknown): number {
  const value = f.int('').parse(given ?? 0)
  if (value === undefined) throw refuse(`"${name}" must be a whole number`)
  return value
}

/** A truth value, also as text; absent is false. */
export function weakBool(name: string, given: unknown): boolean {
  const value = f.bool('').parse(given ?? false)
  if (value === undefined) throw refuse(`"${name}" must be true or false`)
  return value
}

/** A list of texts, also one text with commas; absent is none. */
export function weakTexts(name: string, given: unknown): readonly string[] {
  const value = f.list('').parse(given ?? [])
  if (value === undefined || given === '') throw refuse(`"${name}" must be a list of texts, and hold at least one`)
  return value
}
