import { refuse } from '../../../contract/fault.ts'
import { base64, fromBase64 } from '../../../util/bytes.ts'

const prefix = 'vault:v'

/** `vault:v<version>:<standard base64>`. */
export function writeCiphertext(version: number, body: Uint8Array): string {
  return tagged(version, base64(body))
}

/** `vault:v<version>:` and an encoded body. */
export function tagged(version: number, encoded: string): string {
  return `${prefix}${version}:${encoded}`
}

/** The parts of a ciphertext. `body` is decoded only when asked: a refused version is told first. */
export interface Ciphertext {
  readonly version: number
  body(): Uint8Array
}

/**
 * Takes a ciphertext apart. Version 0 means 1, as in the oldest ones.
 * @throws Fault invalid_request when it is not one.
 */
export function readCiphertext(text: string): Ciphertext {
  const { version, rest } = readTag(text, 'invalid ciphertext')
  return {
    version: version || 1,
    body() {
      const bytes = fromBase64(rest)
      if (!bytes) throw refuse('invalid ciphertext: could not decode base64')
      return bytes
    },
  }
}

/** The version and the encoded rest of what has Vault's prefix; `wrong` begins the refusals. */
export function readTag(text: string, wrong: string): { readonly version: number; readonly rest: string } {
  if (!text.startsWith(prefix)) throw refuse(`${wrong}: no prefix`)
  const end = text.indexOf(':', prefix.length)
  if (end < 0) throw refuse(`${wrong}: wrong number of fields`)
  const written = text.slice(prefix.length, end)
  if (!/^[+-]?\d{1,15}$/.test(written)) throw refuse(`${wrong}: version number could not be decoded`)
  return { version: Number(written), rest: text.slice(end + 1) }
}
