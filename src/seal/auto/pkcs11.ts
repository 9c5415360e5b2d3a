import { Fault } from '../../contract/fault.ts'
import type { AutoSeal, Pkcs11SealSettings, WrappedKey } from '../../contract/seal.ts'
import { askToken } from '../../pkcs11/ask-token.ts'
import type { TokenAnswer, TokenCiphertext, TokenJob } from '../../pkcs11/job.ts'
import { base64, fromBase64, utf8 } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'

const associated = utf8('strongroom seal: unseal key')

/** `aes-gcm:<iv>:<ciphertext>` or `rsa-oaep:<hash>:<ciphertext>`, base64. */
const format = /^(?:aes-gcm:([A-Za-z0-9+/=]{1,32})|rsa-oaep:(sha(?:1|224|256|384|512))):([A-Za-z0-9+/=]{1,4096})$/

/** A seal whose key is in an HSM with a PKCS#11 library (`seal "pkcs11"`). */
export class Pkcs11Seal implements AutoSeal {
  readonly type = 'pkcs11'
  readonly name: string
  readonly disabled: boolean
  readonly #settings: Pkcs11SealSettings
  readonly #random: (bytes: number) => Uint8Array
  readonly #clock: Clock
  /** Why the PIN must not be tried again: a few more wrong ones would lock the token. */
  #refusal: string | undefined
  /** The end of the job before: with two at a time, a wrong PIN would be tried twice. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: Pkcs11SealSettings, random: (bytes: number) => Uint8Array, clock: Clock) {
    this.name = settings.name
    this.disabled = settings.disabled
    this.#settings = settings
    this.#random = random
    this.#clock = clock
  }

  async wrap(unsealKey: Uint8Array): Promise<WrappedKey> {
    const { key, mechanism, oaepHash: hash } = this.#settings
    const job = { action: 'encrypt', key, plaintext: unsealKey, iv: this.#random(12), hash } as const
    const answer = await this.#ask({ ...this.#place, ...job, ...(mechanism && { mechanism }) })
    if (answer.kind !== 'encrypted') throw unusable('it did not encrypt')
    return { seal: this.name, keyId: this.#keyId, value: written(answer.ciphertext) }
  }

  /** With the key that it was encrypted with: the key of the configuration may be a newer one. */
  async unwrap({ keyId, value }: WrappedKey): Promise<Uint8Array> {
    const ciphertext = read(value)
    const colon = keyId.lastIndexOf(':')
    const key = { label: keyId.slice(0, Math.max(colon, 0)), id: keyId.slice(colon + 1) }
    const answer = await this.#ask({ ...this.#place, action: 'decrypt', key, ciphertext })
    if (answer.kind !== 'decrypted' || answer.plaintext.length !== 32)
      throw unusable('it did not give a key of 32 bytes')
    return Uint8Array.from(answer.plaintext)
  }

  isCurrent({ keyId }: WrappedKey): boolean {
    return keyId === this.#keyId
  }

  get #keyId(): string {
    const { label, id } = this.#settings.key
    return `${label}:${id}`
  }

  get #place(): Pick<TokenJob, 'lib' | 'slot' | 'tokenLabel' | 'pin' | 'associated'> {
    const { lib, slot, tokenLabel, pin } = this.#settings
    return { lib, associated, pin: pin.reveal(), ...(slot !== undefined && { slot }), ...(tokenLabel !== undefined && { tokenLabel }) } // prettier-ignore
  }

  /** One job after the other. @throws Fault unavailable, or precondition_failed when the token has another key */
  async #ask(job: TokenJob): Promise<TokenAnswer> {
    const before = this.#last
    const mine = before.then(async () => this.#now(job))
    this.#last = mine.catch(() => {})
    return mine
  }

  async #now(job: TokenJob): Promise<TokenAnswer> {
    if (this.#refusal !== undefined) throw unusable(this.#refusal)
    const answer = await askToken(job, this.#clock)
    if (answer.kind !== 'failed') return answer
    if (answer.fault === 'key') throw new Fault('precondition_failed', answer.why)
    if (answer.fault === 'pin') this.#refusal = `${answer.why}; it is not tried again before the next start`
    throw unusable(this.#refusal ?? answer.why)
  }
}

function written(ciphertext: TokenCiphertext): string {
  const parameter = ciphertext.mechanism === 'aes-gcm' ? base64(ciphertext.iv) : ciphertext.hash
  return [ciphertext.mechanism, parameter, base64(ciphertext.ciphertext)].join(':')
}

/** @throws Fault precondition_failed when it is no ciphertext of this seal */
function read(value: string): TokenCiphertext {
  const [, ivText, hash, text = ''] = format.exec(value) ?? []
  const [iv, ciphertext] = [fromBase64(ivText ?? ''), fromBase64(text)]
  if (ciphertext && hash !== undefined)
    return { mechanism: 'rsa-oaep', hash: hash as (TokenCiphertext & { mechanism: 'rsa-oaep' })['hash'], ciphertext }
  if (ciphertext && iv && ivText !== undefined) return { mechanism: 'aes-gcm', iv, ciphertext }
  throw new Fault('precondition_failed', 'its record is damaged; restore a backup')
}

const unusable = (why: string): Fault => new Fault('unavailable', `the HSM cannot be used: ${why}`)
