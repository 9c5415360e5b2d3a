import { hash } from 'node:crypto'

/** SHA-256 (FIPS 180-4). In Node the fastest output is a string: half the time of 'buffer'. */
export function sha256(data: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'latin1')
}

/** SHA-512/256 (FIPS 180-4 §5.3.6), in the same way. */
export function sha512t256(data: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha512-256', data, 'binary'), 'latin1')
}
