import { refuse } from '../contract/fault.ts'
import type { Forms } from '../contract/field.ts'
import { base64, fromBase64, hex } from '../util/bytes.ts'
import { quickBytes } from './ciphers/cipher.ts'
import { digest, isHash } from './hash.ts'
import { heavy } from './workers/heavy.ts'

/** The most random bytes of one request. */
const mostRandomBytes = 128 * 1024

const formats: Readonly<Record<string, (bytes: Uint8Array) => string>> = { hex, base64 }

function encoded(bytes: Uint8Array, format: string): string {
  const write = Object.hasOwn(formats, format) ? formats[format] : undefined
  if (!write) throw refuse('the format is not known here: use hex or base64')
  return write(bytes)
}

/**
 * The digest of base64 `input`, as a string.
 * @throws Fault invalid_request for input, an algorithm or a format that cannot be used.
 */
export async function hashText(input: string | undefined, algorithm: string, format: string): Promise<string> {
  if (input === undefined) throw refuse('input missing')
  const bytes = fromBase64(input)
  if (!bytes) throw refuse('unable to decode input as standard base64 with padding')
  if (!isHash(algorithm)) throw refuse(`unsupported algorithm ${algorithm}`)
  return encoded(
    bytes.length > quickBytes ? await heavy.run('digest', { hash: algorithm, data: bytes }) : digest(algorithm, bytes),
    format,
  )
}

/** The number of bytes of a request for random ones: a source that is a number, `urlbytes`, or 32. */
export const countForms: Forms = (value, { source, urlbytes }) => {
  if (isCount(source)) return [source]
  if (typeof urlbytes === 'number' || isCount(urlbytes)) return [urlbytes]
  return value === undefined ? [32] : []
}

const isCount = (value: unknown): value is string => typeof value === 'string' && /^\d+$/.test(value)

/** The random bytes, with warnings for the caller. */
interface RandomText {
  readonly text: string
  readonly warnings: readonly string[]
}

/**
 * Random bytes, as a string. `where` is the last part of the path: a source (`platform`, `seal`, `all`) or a number of bytes.
 * @throws Fault invalid_request for a source, a number or a format that cannot be used.
 */
export function randomText(
  random: (bytes: number) => Uint8Array,
  request: { readonly where?: string; readonly count?: string; readonly bytes: number; readonly format: string },
): RandomText {
  const countOnly = request.where !== undefined && request.count === undefined && isCount(request.where)
  const source = request.where === undefined || countOnly ? 'platform' : request.where
  const count = countOnly ? request.where : request.count
  const bytes = count === undefined ? request.bytes : /^\d{1,9}$/.test(count) ? Number(count) : NaN
  if (!['platform', 'seal', 'all'].includes(source)) {
    throw refuse('the source of randomness is not known: use platform, seal or all')
  }
  if (!(bytes >= 1 && bytes <= mostRandomBytes)) {
    throw refuse(`the number of bytes must be a whole number from 1 to ${mostRandomBytes}`)
  }
  const warnings = source === 'seal' ? ['the seal has no source of randomness: the platform gave these bytes'] : []
  if (!Object.hasOwn(formats, request.format)) throw refuse('the format is not known here: use hex or base64')
  return { text: encoded(random(bytes), request.format), warnings }
}
