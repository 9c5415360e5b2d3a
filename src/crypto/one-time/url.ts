import { base32 } from './base32.ts'
import type { OneTimeKey } from './codes.ts'

/** The members of a key that its URL has. */
type InUrl = Pick<OneTimeKey, 'key' | 'algorithm' | 'digits' | 'period'>

/** The otpauth:// URL of a key that authenticator apps read. It contains the key. */
export function keyUrl({ key, algorithm, digits, period }: InUrl, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const secret = base32(Buffer.from(key, 'base64'))
  return `otpauth://totp/${label}?algorithm=${algorithm}&digits=${digits}&issuer=${encodeURIComponent(issuer)}&period=${period}&secret=${secret}`
}
