import { createHmac } from 'node:crypto'
import { Fault, refuse } from '../contract/fault.ts'
import type { BeforeChange } from '../contract/route.ts'
import { quickBytes } from '../crypto/ciphers/cipher.ts'
import { heavy } from '../crypto/workers/heavy.ts'
import { publicKeyText } from '../crypto/keys/pair-key.ts'
import { keyType } from '../crypto/keys/key-types.ts'
import type { KeyUse } from '../crypto/keys/key-types.ts'
import { opensslHash } from '../crypto/hash.ts'
import type { MacHash } from '../crypto/hash.ts'
import type { UsageCounter } from './usage-counter.ts'
import type { KeyRecord, KeyVersion, Random } from './record.ts'
import { KeyMaterial } from './key-material.ts'
import type { Binding, LivePair } from './key-material.ts'
import { isLimited } from './usage.ts'

/**
 * A ciphertext, signature or MAC and the version of the key that made it. Where one is given back, `bytes` is read after the
 * version was checked: it may be a getter that decodes.
 */
export interface Versioned {
  readonly version: number
  readonly bytes: Uint8Array
}

/** An encryption that waits for a reservation of messages: the requested version, and the one that is used. */
interface Encryption {
  readonly version: number
  readonly number: number
  readonly binding: Binding
  readonly beforeChange: BeforeChange
}

/** The ports of a key into the mount that it belongs to. */
export interface KeyHost {
  readonly random: Random
  /** Counts the uses of a version. */
  counterOf(key: KeyRecord, number: number): UsageCounter
  /** The key with a later version than this one has. @throws Fault when it cannot be rotated. */
  successor(key: KeyRecord): Promise<LiveKey>
}

/** For keys that are only read, and for trials whose ciphertexts are discarded: nothing is counted. */
export function uncounted(random: Random): KeyHost {
  return {
    random,
    counterOf: () => ({ take: () => true, touch: () => {} }),
    successor: () => Promise.reject(new Fault('internal', 'a key that is not stored has no successor')),
  }
}

/**
 * One stored key with its material parsed, each version once and only when it is needed. It belongs to one immutable
 * record: a changed record gets another LiveKey, so nothing here can be stale.
 */
export class LiveKey {
  readonly record: KeyRecord
  readonly #host: KeyHost
  readonly #material: KeyMaterial
  readonly #counters = new Map<number, UsageCounter>()

  constructor(record: KeyRecord, host: KeyHost) {
    this.record = record
    this.#material = new KeyMaterial(record)
    this.#host = host
  }

  /**
   * Encrypts with a version; 0 is the latest, or a new one when that has encrypted as many messages as is safe. Waits for
   * `beforeChange` before more messages are reserved, or a new version is made. Small messages are encrypted at once: then
   * the result is no promise.
   * @throws Fault invalid_request for a version or context that cannot be used.
   */
  encrypt(
    plaintext: Uint8Array,
    version: number,
    binding: Binding,
    beforeChange: BeforeChange,
  ): Versioned | Promise<Versioned> {
    this.mustAllow('encrypt')
    const number = this.versionToUse(version, 'encryption')
    const cipher = this.#material.cipher(number, binding)
    const mayEncrypt = this.#mayEncrypt(number, beforeChange)
    if (mayEncrypt !== true) return this.#encryptIf(mayEncrypt, plaintext, { version, number, binding, beforeChange })
    const bytes = cipher.encrypt(plaintext, binding, this.#host.random)
    if (bytes instanceof Uint8Array) return { version: number, bytes }
    return bytes.then((made) => ({ version: number, bytes: made }))
  }

  async #encryptIf(
    mayEncrypt: boolean | Promise<boolean>,
    plaintext: Uint8Array,
    { version, number, binding, beforeChange }: Encryption,
  ): Promise<Versioned> {
    if (await mayEncrypt) {
      const bytes = await this.#material.cipher(number, binding).encrypt(plaintext, binding, this.#host.random)
      return { version: number, bytes }
    }
    if (version === 0) {
      await beforeChange()
      return (await this.#host.successor(this.record)).encrypt(plaintext, 0, binding, beforeChange)
    }
    throw refuse(
      `version ${number} has encrypted as many messages as is safe (NIST SP 800-38D): leave key_version out, or rotate the key`,
    )
  }

  /**
   * Small messages are decrypted at once: then the result is no promise.
   * @throws Fault invalid_request for a ciphertext of another key, context or associated data
   */
  decrypt(ciphertext: Versioned, binding: Binding): Uint8Array | Promise<Uint8Array> {
    this.mustAllow('decrypt')
    const { version } = ciphertext
    this.mustDecrypt(version)
    const cipher = this.#material.cipher(version, binding)
    this.used(version)
    return cipher.decrypt(ciphertext.bytes, binding)
  }

  /** Records that a version is being used. */
  used(number: number): void {
    this.#counter(number).touch()
  }

  #mayEncrypt(number: number, beforeChange: BeforeChange): boolean | Promise<boolean> {
    if (isLimited(this.record)) return this.#counter(number).take(beforeChange)
    this.used(number)
    return true
  }

  #counter(number: number): UsageCounter {
    let counter = this.#counters.get(number)
    if (!counter) {
      counter = this.#host.counterOf(this.record, number)
      this.#counters.set(number, counter)
    }
    return counter
  }

  /** The HMAC (RFC 2104) of some data with the key that every version has for that. */
  mac(hash: MacHash, data: Uint8Array, number: number): Uint8Array | Promise<Uint8Array> {
    const key = this.#material.macKey(number)
    this.used(number)
    if (data.length > quickBytes) return heavy.run('hmac', { hash, key, data })
    return createHmac(opensslHash(hash), key).update(data).digest()
  }

  /** The AES-CMAC of some data. @throws Fault invalid_request for keys of other types. */
  cmac(data: Uint8Array, number: number): Uint8Array | Promise<Uint8Array> {
    this.mustSuit('mac')
    if (keyType(this.record.type).mac !== 'cmac') throw refuse(`keys of type ${this.record.type} do not support CMACs`)
    if (data.length > quickBytes) {
      const key = this.#material.secretKey(number)
      this.used(number)
      return heavy.run('cmac', { key, data })
    }
    const make = this.#material.cmac(number)
    this.used(number)
    return make(data)
  }

  /** The pair of a version, derived for the context if the key is. */
  pair(number: number, context: string | undefined): LivePair {
    return this.#material.pair(number, context)
  }

  /** The public key of a version, in Vault's format. */
  publicText(number: number, context: string | undefined): string {
    return publicKeyText(this.pair(number, context).publicKey)
  }

  /** @throws Fault invalid_request when the key's state, type or usage set does not allow this. */
  mustAllow(use: KeyUse): void {
    this.mustBeEnabled()
    this.mustSuit(use)
  }

  /** @throws Fault invalid_request when the key's type or usage set does not allow this. */
  mustSuit(use: KeyUse): void {
    const { uses, type } = this.record
    if (!keyType(type).uses.includes(use) || !uses.includes(use)) {
      throw refuse(`keys of type ${type} cannot ${use} data, or this one may not`)
    }
  }

  /** @throws Fault invalid_request when the key is deleted for now or disabled. */
  mustBeEnabled(): void {
    const { state } = this.record
    if (state.is === 'soft-deleted') throw refuse('refusing to use soft-deleted key: restore it first')
    if (state.is === 'disabled') throw refuse('this key is disabled: enable it before it is used')
  }

  /** @throws Fault invalid_request for a version that may not decrypt. */
  mustDecrypt(version: number): void {
    if (version > this.record.latest) throw refuse('invalid ciphertext: version is too new')
    if (version < this.record.minDecryption) {
      throw refuse('ciphertext or signature version is disallowed by policy (too old)')
    }
  }

  /** The version that a request for new ciphertexts or signatures means; 0 is the latest. */
  versionToUse(wanted: number, what: string): number {
    const { latest, minDecryption, minEncryption } = this.record
    if (wanted === 0) return latest
    if (wanted < 0) throw refuse(`the requested version for ${what} is negative`)
    if (wanted > latest) throw refuse(`the requested version for ${what} is higher than the latest key version`)
    if (wanted < minEncryption) {
      throw refuse(`the requested version for ${what} is less than the minimum encryption key version`)
    }
    if (wanted < minDecryption) throw refuse('no such key version')
    return wanted
  }

  /** See `KeyMaterial.version`. */
  version(number: number): KeyVersion {
    return this.#material.version(number)
  }
}
