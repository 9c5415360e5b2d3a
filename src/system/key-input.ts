import { refuse } from '../contract/fault.ts'
import { fromBase64, fromHex } from '../util/bytes.ts'

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

/** PGP is not offered: a request that counts on encrypted shares must not get plain ones. */
export function refusePgp(data: Readonly<Record<string, unknown>>): void {
  const name = ['pgp_keys', 'pgp_key', 'root_token_pgp_key', 'recovery_pgp_keys'].find((key) => {
    const value = data[key]
    return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
  })
  if (name) throw refuse(`${name}: encrypting shares with PGP is not offered by this server; nothing was done`)
}
