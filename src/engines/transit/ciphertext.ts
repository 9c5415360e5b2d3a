import { refuse } from '../../contract/fault.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'

const prefix = 'vault:v'

/** `vault:v<version>:<standard base64>`. */
export function writeCiphertext(version: number, body: Uint8Array): string {
  return `${prefix}${version}:${base64(body)}`
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
  if (!text.startsWith(prefix)) throw refuse('invalid ciphertext: no prefix')
  const end = text.indexOf(':', prefix.length)
  if (end < 0) throw refuse('invalid ciphertext: wrong number of fields')
  const written = text.slice(prefix.length, end)
  if (!/^[+-]?\d{1,15}$/.test(written)) throw refuse('invalid ciphertext: version number could not be decoded')
  return {
    version: Number(written) || 1,
    body() {
      const bytes = fromBase64(text.slice(end + 1))
      if (!bytes) throw refuse('invalid ciphertext: could not decode base64')
      return bytes
    },
  }
}
