import { ckr, nameOf } from './constants.ts'

/** The PIN was refused: another try could lock the token. */
const refusedPins: readonly number[] = [
  ckr.pinIncorrect,
  ckr.pinInvalid,
  ckr.pinLenRange,
  ckr.pinExpired,
  ckr.pinLocked,
]

/** Answers of a device that fails, whatever it is asked. */
const failures: readonly number[] = [
  ckr.hostMemory, ckr.functionFailed, ckr.deviceError, ckr.deviceMemory, ckr.deviceRemoved, ckr.tokenNotPresent,
] // prettier-ignore

/** A call of PKCS#11 that failed. */
export class Pkcs11Error extends Error {
  /** Such as `C_Login`. */
  readonly call: string
  readonly value: number

  constructor(call: string, value: number) {
    super(`${call}: ${nameOf(value)}`)
    this.call = call
    this.value = value
  }

  get isPinRefused(): boolean {
    return refusedPins.includes(this.value)
  }

  /** The device failed, and not what it was asked. */
  get isDeviceFailure(): boolean {
    return failures.includes(this.value)
  }
}

/** A token, key or library that is not what it has to be. The message is for the operator. */
export class TokenProblem extends Error {
  /** The PIN was refused, or would be in danger. */
  readonly isPin: boolean
  /** The token answers, but it has another key. */
  readonly isKey: boolean

  constructor(message: string, { isPin = false, isKey = false } = {}) {
    super(message)
    this.isPin = isPin
    this.isKey = isKey
  }
}
