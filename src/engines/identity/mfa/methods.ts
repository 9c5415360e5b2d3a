import { refuse } from '../../../contract/fault.ts'
import { isPathName } from '../../../contract/names.ts'
import type { View } from '../../../contract/view.ts'
import type { Identity } from '../identity.ts'
import { isId } from '../names.ts'
import { algorithms, atMfa, methodShape } from './records.ts'
import type { MethodRecord } from './records.ts'

/** The parameters of a write of a method. */
interface MethodSettings {
  readonly method_name: string | undefined
  readonly issuer: string
  readonly period: number
  readonly key_size: number
  readonly qr_size: number
  readonly algorithm: string
  readonly digits: number
  readonly skew: number
  readonly max_validation_attempts: number
}

/** The method of an id, of this namespace or of one above; undefined when there is none. */
export async function methodById(identity: Identity, id: string): Promise<MethodRecord | undefined> {
  if (!isId(id)) return undefined
  for (const { view } of [identity, ...identity.above()]) {
    const found = await view.get(atMfa.method(id), methodShape)
    if (found) return found
  }
  return undefined
}

/** The methods of one namespace, in byte order of their ids. */
export async function methodsIn(view: View): Promise<readonly MethodRecord[]> {
  const found: MethodRecord[] = []
  for (const id of await view.list('mfa-method/')) {
    const method = await view.get(atMfa.method(id), methodShape)
    if (method) found.push(method)
  }
  return found
}

/** The bounds of the settings. */
const most = { issuer: 256, name: 128, period: 3600, keySize: 256, qrSize: 2048, attempts: 100 }

/** Wrong codes that lock a method, unless it says another number. */
export const usualAttempts = 5

/** The shortest key, bytes: RFC 4226 demands 128 bits. */
const shortestKey = 16

/** The settings of a method. The texts that clients know are those of OpenBao. @throws Fault invalid_request */
export function checkedMethod(settings: MethodSettings): Omit<MethodRecord, 'id' | 'name'> {
  const { issuer, period, algorithm, digits, skew, key_size: keySize, qr_size: qrSize } = settings
  const maxAttempts = settings.max_validation_attempts || usualAttempts
  if (!algorithms.some((one) => one === algorithm)) throw refuse('unrecognized algorithm: it is SHA1, SHA256 or SHA512')
  if (digits !== 6 && digits !== 8) throw refuse('digits can only be 6 or 8')
  if (skew !== 0 && skew !== 1) throw refuse('skew must be 0 or 1')
  mustBeWithin(period, 1, most.period, 'period must be greater than zero')
  mustBeWithin(keySize, shortestKey, most.keySize, `key_size must be ${shortestKey} or more`)
  mustBeWithin(qrSize, 0, most.qrSize, 'qr_size must not be negative')
  mustBeWithin(maxAttempts, 1, most.attempts, 'max_validation_attempts must be greater than zero')
  if (issuer.trim() === '') throw refuse('issuer must be set')
  if (issuer.length > most.issuer) throw refuse(`issuer has at most ${most.issuer} characters`)
  return { issuer, period, algorithm, digits, skew, keySize, qrSize, maxAttempts }
}

function mustBeWithin(value: number, least: number, largest: number, text: string): void {
  if (value < least || value > largest) throw refuse(`${text}, and ${largest} at most`)
}

/** @throws Fault invalid_request for what could be taken for something else where a passcode names its method */
export function checkedMethodName(name: string): string {
  if (name !== '' && (!isPathName(name) || name.length > most.name || isId(name)))
    throw refuse(`method_name has letters, digits, "_", "." and "-", ${most.name} at most, and is not like an id`)
  return name
}
