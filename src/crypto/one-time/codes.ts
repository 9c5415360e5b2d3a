import { createHmac } from 'node:crypto'
import { sameText } from '../../util/bytes.ts'

/** A key of one-time passwords, and the parameters of its codes. */
export interface OneTimeKey {
  /** Base64. */
  readonly key: string
  /** Of the HMAC: SHA1, SHA256 or SHA512. */
  readonly algorithm: string
  readonly digits: number
  /** Seconds. */
  readonly period: number
  /** How many periods before and after the current one are accepted. */
  readonly skew: number
}

/** The number of the period of a time. @param now epoch milliseconds */
export const counterAt = ({ period }: Pick<OneTimeKey, 'period'>, now: number): number =>
  Math.floor(now / 1000 / period)

/** The one-time password of a counter (RFC 4226, and RFC 6238 for the other digests). */
export function codeOf(
  { key, algorithm, digits }: Pick<OneTimeKey, 'key' | 'algorithm' | 'digits'>,
  counter: number,
): string {
  const message = Buffer.alloc(8)
  message.writeBigUInt64BE(BigInt(counter))
  const mac = createHmac(algorithm, Buffer.from(key, 'base64')).update(message).digest()
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

/** The counter around now with this code; undefined: none that the skew allows. Takes the same time for every code. */
export function counterOf(key: OneTimeKey, code: string, now: number): number | undefined {
  const current = counterAt(key, now)
  let found: number | undefined
  for (let counter = Math.max(0, current - key.skew); counter <= current + key.skew; counter++)
    if (sameText(codeOf(key, counter), code)) found = counter
  return found
}
