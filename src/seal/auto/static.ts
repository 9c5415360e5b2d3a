import { Fault } from '../../contract/fault.ts'
import type { AutoSeal, StaticKey, StaticSealSettings, WrappedKey } from '../../contract/seal.ts'
import { decryptXChaCha, encryptXChaCha } from '../../crypto/fast/xchacha.ts'
import { base64, fromBase64, utf8 } from '../../util/bytes.ts'
import type { Secret } from '../../util/secret.ts'

/** A seal whose key lies in a file or in the environment of the server (OpenBao: `seal "static"`). */
export class StaticSeal implements AutoSeal {
  readonly type = 'static'
  readonly name: string
  readonly disabled: boolean
  readonly #current: StaticKey
  readonly #previous: StaticKey | undefined
  readonly #random: (bytes: number) => Uint8Array

  constructor(
    { name, disabled, current, previous }: Omit<StaticSealSettings, 'type'>,
    random: (bytes: number) => Uint8Array,
  ) {
    this.name = name
    this.disabled = disabled
    this.#current = current
    this.#previous = previous
    this.#random = random
  }

  async wrap(unsealKey: Uint8Array): Promise<WrappedKey> {
    const { id, key } = this.#current
    return {
      seal: this.name,
      keyId: id,
      value: base64(encryptXChaCha(bytesOf(key), this.#random(24), unsealKey, placeOf(id))),
    }
  }

  async unwrap({ keyId, value }: WrappedKey): Promise<Uint8Array> {
    const found = [this.#current, this.#previous].find((key) => key?.id === keyId)
    if (!found)
      throw new Fault(
        'precondition_failed',
        `the key "${keyId}" is needed: configure it as previous_key with its previous_key_id`,
      )
    const bytes = fromBase64(value)
    const unsealKey = bytes && decryptXChaCha(bytesOf(found.key), bytes, placeOf(keyId))
    if (unsealKey) return unsealKey
    throw new Fault('precondition_failed', `the key that is configured as "${keyId}" is another one`)
  }

  isCurrent({ keyId }: WrappedKey): boolean {
    return keyId === this.#current.id
  }
}

const bytesOf = (key: Secret<string>): Uint8Array => Buffer.from(key.reveal(), 'base64')
const placeOf = (id: string): Uint8Array => utf8(`strongroom seal: unseal key\n${id}`)
