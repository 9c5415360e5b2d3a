import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { base64 } from '../../util/bytes.ts'
import { fromBase32 } from '../../crypto/one-time/base32.ts'
import type { OneTimeKey } from '../../crypto/one-time/codes.ts'
import { longestDuration } from '../../util/duration.ts'
import { isBase64, isOneOf, isText, isWhole, shapeOf } from '../../util/stored/shape.ts'
import { settingsIn } from './url.ts'

/** A key as stored, at `key/<name>`. */
export interface Key extends OneTimeKey {
  readonly issuer: string
  readonly accountName: string
}

const algorithms = ['SHA1', 'SHA256', 'SHA512']

/** The shape of that record. */
export const keyShape = shapeOf<Key>('a key for one-time passwords', {
  key: isBase64,
  issuer: isText,
  accountName: isText,
  period: isWhole(1),
  digits: isOneOf(6, 8),
  algorithm: isOneOf(...algorithms),
  skew: isOneOf(0, 1),
})

/** The longest imported key, the longest generated one, and the longest names, in bytes or characters. */
const longest = { imported: 4096, generated: 1024, name: 256 }

/** The parameter of every path of a key. */
export const name = { name: f.string('The name of the key.').or('') }

/** The response of a read: all members except the key and its skew. */
export const shownFields = {
  account_name: f.string('The account that the key is for.'),
  algorithm: f.string('SHA1, SHA256 or SHA512.'),
  digits: f.int('The digits of a code: 6 or 8.'),
  issuer: f.string('The organisation that issues the key.'),
  period: f.duration('How long a code is valid.'),
}

/** The fields that create a key. */
export const keyFields = {
  generate: f.bool('Generate the key, in place of importing one.').or(false),
  exported: f.bool('Generated keys: return the URL and the barcode.').or(true),
  key_size: f.int('Generated keys: the size in bytes.').or(20),
  qr_size: f.int('Generated keys: the width and height of the barcode in pixels; 0: none.').or(200),
  key: f.string('Imported keys: the key in base32.').secret().or(''),
  url: f.string('Imported keys: an otpauth:// URL, in place of the other parameters.').secret().or(''),
  skew: f.int('How many periods before and after the current one are accepted: 0 or 1.').or(1),
  issuer: shownFields.issuer.or(''),
  account_name: shownFields.account_name.or(''),
  algorithm: shownFields.algorithm.or('SHA1'),
  digits: shownFields.digits.or(6),
  period: shownFields.period.or(30),
}
type Parameters = Values<typeof keyFields>

/** The record name of a key. @throws Fault unsupported_path for an invalid name */
export function keyOf(input: string): string {
  if (!/^\w(?:[\w.@-]*\w)?$/.test(input)) throw new Fault('unsupported_path', 'unsupported path')
  return `key/${input}`
}

/** The key that the parameters describe. @throws Fault invalid_request */
export function newKey(values: Parameters, random: (bytes: number) => Uint8Array): Key {
  if (values.qr_size < 0) throw refuse('the qr_size value must be greater than or equal to zero')
  return values.generate ? generated(values, random) : imported(values)
}

function generated(values: Parameters, random: (bytes: number) => Uint8Array): Key {
  const { key_size: size } = values
  if (values.key !== '') throw refuse('a key should not be passed if generate is true')
  if (values.url !== '') throw refuse('a url should not be passed if generate is true')
  if (size <= 0) throw refuse('the key_size value must be greater than zero')
  if (size > longest.generated) throw refuse(`the key_size value must not be greater than ${longest.generated}`)
  if (values.account_name === '') throw refuse('the account_name value is required for generated keys')
  if (values.issuer === '') throw refuse('the issuer value is required for generated keys')
  return checked(values, random(size))
}

function imported(values: Parameters): Key {
  const settings = values.url === '' ? values : { ...values, ...settingsIn(values.url) }
  if (settings.key === '') throw refuse('the key value is required')
  const tooLong = `the key must not be longer than ${longest.imported} bytes`
  // Decoding takes its time: eight letters are five bytes, and some may be padding.
  if (settings.key.length > 2 * longest.imported) throw refuse(tooLong)
  const bytes = fromBase32(settings.key)
  if (!bytes || bytes.length === 0) throw refuse('invalid key value: it must be base32 (A to Z and 2 to 7)')
  if (bytes.length > longest.imported) throw refuse(tooLong)
  return checked(settings, bytes)
}

function checked(values: Parameters, bytes: Uint8Array): Key {
  const { issuer, account_name: accountName, period, digits, algorithm, skew } = values
  if (period <= 0) throw refuse('the period value must be greater than zero')
  if (period > longestDuration) throw refuse(`the period value must not be greater than ${longestDuration}`)
  if (digits !== 6 && digits !== 8) throw refuse('the digits value can only be 6 or 8')
  if (skew !== 0 && skew !== 1) throw refuse('the skew value must be 0 or 1')
  if (!algorithms.includes(algorithm))
    throw refuse('the algorithm value is not valid: it is one of SHA1, SHA256, SHA512')
  for (const text of [issuer, accountName])
    if (text.length > longest.name) throw refuse(`issuer and account_name have at most ${longest.name} characters`)
  return { key: base64(bytes), issuer, accountName, period, digits, algorithm, skew }
}

/** The response for a key. */
export function rendered({ accountName, algorithm, digits, issuer, period }: Key): Readonly<Record<string, unknown>> {
  return { account_name: accountName, algorithm, digits, issuer, period }
}
