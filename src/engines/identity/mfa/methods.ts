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

/** The method with an id, of this namespace or of a parent namespace; undefined if there is none. */
export async function methodById(identity: Identity, id: string): Promise<MethodRecord | undefined> {
  if (!isId(id)) return undefined
  for (const { view } of [identity, ...identity.above()]) {
    const method = await view.get(atMfa.method(id), methodShape)
    if (method) return method
  }
  return undefined
}

/** The methods of one namespace, in byte order of their ids. */
export async function methodsIn(view: View): Promise<readonly MethodRecord[]> {
  const methods: MethodRecord[] = []
  for (const id of await view.list('mfa-method/')) {
    const method = await view.get(atMfa.method(id), methodShape)
    if (method) methods.push(method)
  }
  return methods
}

/** The maxima of the settings. */
const limits = { issuer: 256, name: 128, period: 3600, keySize: 256, qrSize: 2048, attempts: 100 }

/** The default number of wrong codes that locks a method. */
export const defaultAttempts = 5

/** The minimum size of a key, bytes: RFC 4226 requires 128 bits. */
const shortestKey = 16

/** The checked settings of a method. The messages are those of OpenBao where it has one. @throws Fault invalid_request */
export function checkedMethod(settings: MethodSettings): Omit<MethodRecord, 'id' | 'name'> {
  const { issuer, period, algorithm, digits, skew, key_size: keySize, qr_size: qrSize } = settings
  const maxAttempts = settings.max_validation_attempts || defaultAttempts
  if (!algorithms.some((one) => one === algorithm)) throw refuse('unrecognized algorithm: use SHA1, SHA256 or SHA512')
  if (digits !== 6 && digits !== 8) throw refuse('digits can only be 6 or 8')
  if (skew !== 0 && skew !== 1) throw refuse('skew must be 0 or 1')
  mustBeWithin(period, 1, limits.period, 'period must be greater than zero')
  mustBeWithin(keySize, shortestKey, limits.keySize, `key_size must be ${shortestKey} or more`)
  mustBeWithin(qrSize, 0, limits.qrSize, 'qr_size must not be negative')
  mustBeWithin(maxAttempts, 1, limits.attempts, 'max_validation_attempts must be greater than zero')
  if (issuer.trim() === '') throw refuse('issuer must be set')
  if (issuer.length > limits.issuer) throw refuse(`issuer can have at most ${limits.issuer} characters`)
  return { issuer, period, algorithm, digits, skew, keySize, qrSize, maxAttempts }
}

function mustBeWithin(value: number, min: number, max: number, message: string): void {
  if (value < min || value > max) throw refuse(`${message}, and at most ${max}`)
}

/** @throws Fault invalid_request for a name that would be ambiguous where a passcode names its method */
export function checkedMethodName(name: string): string {
  if (name !== '' && (!isPathName(name) || name.length > limits.name || isId(name)))
    throw refuse(
      `method_name can have letters, digits, "_", "." and "-", at most ${limits.name} characters, and cannot have the format of an id`,
    )
  return name
}
