import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../contract/fault.ts'
import { cmac } from '../crypto/fast/cmac.ts'
import type { Cmac } from '../crypto/fast/cmac.ts'
import { readPrivate, readPublic } from '../crypto/keys/pair-key.ts'
import type { PairKey } from '../crypto/keys/pair-key.ts'
import { kdfs } from '../crypto/kdf.ts'
import { ed25519FromSeed, ed25519Private, fromPrivateDer } from '../crypto/keys/pairs.ts'
import { wipe } from '../util/bytes.ts'
import type { KeyRecord, KeyVersion } from './record.ts'
import { bytesOf, contextBytes, versionCiphers, versionFor } from './operations/ciphers.ts'
import type { Bound, VersionCipher, VersionCiphers } from './operations/ciphers.ts'

/** The data that a message is bound to besides its key. `context` is the caller's base64; it matters for derived keys only. */
export interface Binding extends Bound {
  readonly context?: string | undefined
  /** The view that encrypts, where it has keys of its own (`versionFor`); undefined: the key itself, as transit. */
  readonly view?: string | undefined
}

/** A key pair ready for use; the private key is absent when only the public one was imported. */
export interface LivePair {
  readonly publicKey: PairKey
  readonly privateKey: PairKey | undefined
}

/** The material of one immutable key record, each version parsed once and only when it is needed. */
export class KeyMaterial {
  readonly #record: KeyRecord
  readonly #ciphers = new Map<number, VersionCiphers>()
  readonly #viewCiphers = new Map<string, VersionCiphers>()
  readonly #macs = new Map<number, KeyObject>()
  readonly #cmacs = new Map<number, Cmac>()
  readonly #pairs = new Map<number, LivePair>()

  constructor(record: KeyRecord) {
    this.#record = record
  }

  /**
   * A version that is in use. Nothing here reaches the material of another one, whatever an operation checked before.
   * @throws Fault invalid_request for a version that does not exist, or is below `min_decryption_version`.
   */
  version(number: number): KeyVersion {
    const { versions, minDecryption, latest } = this.#record
    const stored = versions[number]
    if (!stored || number < minDecryption || number > latest) throw refuse('no such key version')
    return stored
  }

  /** The key that a version has for HMACs. */
  macKey(number: number): KeyObject {
    let key = this.#macs.get(number)
    if (!key) {
      key = createSecretKey(bytesOf(this.version(number).mac))
      this.#macs.set(number, key)
    }
    return key
  }

  /** The AES-CMAC with a version. */
  cmac(number: number): Cmac {
    let make = this.#cmacs.get(number)
    if (!make) {
      const raw = bytesOf(this.version(number).material)
      make = cmac(raw)
      wipe(raw)
      this.#cmacs.set(number, make)
    }
    return make
  }

  /** The secret key of a version, for a worker thread. */
  secretKey(number: number): KeyObject {
    const raw = bytesOf(this.version(number).material)
    const key = createSecretKey(raw)
    wipe(raw)
    return key
  }

  /** The pair of a version, derived for the context if the key is. */
  pair(number: number, context: string | undefined): LivePair {
    if (this.#record.kdf !== null) return this.#derivedPair(number, context)
    let pair = this.#pairs.get(number)
    if (!pair) {
      const { open: publicKey = '', material } = this.version(number)
      pair = {
        publicKey: readPublic(bytesOf(publicKey)),
        privateKey: material === '' ? undefined : readPrivate(bytesOf(material)),
      }
      this.#pairs.set(number, pair)
    }
    return pair
  }

  /** The cipher of a version, for what a message is bound to. */
  cipher(number: number, { context, view }: Binding): VersionCipher {
    if (view !== undefined) return this.#viewCipher(view, number, context)
    let ciphers = this.#ciphers.get(number)
    if (!ciphers) {
      ciphers = versionCiphers(this.#record, this.version(number))
      this.#ciphers.set(number, ciphers)
    }
    return ciphers(context)
  }

  #viewCipher(view: string, number: number, context: string | undefined): VersionCipher {
    const name = `${number} ${view}`
    let ciphers = this.#viewCiphers.get(name)
    if (!ciphers) {
      ciphers = versionCiphers(this.#record, versionFor(view, this.#record, this.version(number)))
      this.#viewCiphers.set(name, ciphers)
    }
    return ciphers(context)
  }

  /** Vault derives Ed25519 seeds from seed and public key together. */
  #derivedPair(number: number, context: string | undefined): LivePair {
    const { material } = this.version(number)
    const info = contextBytes(context)
    if (material === '') throw refuse('this version has no private key: nothing can be derived from a public half')
    const privateKey = ed25519Private(fromPrivateDer(bytesOf(material)))
    const seed = kdfs[this.#record.kdf ?? 'hkdf_sha256'](privateKey)(info, 32)
    const key = ed25519FromSeed(seed)
    wipe(privateKey, seed)
    return { publicKey: key, privateKey: key }
  }
}
