import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Aead, AeadKey } from '../../crypto/aead.ts'
import { hmacSha256, kdfs } from '../../crypto/kdf.ts'
import type { Derive } from '../../crypto/kdf.ts'
import { keyType } from '../../crypto/keys.ts'
import type { KeyUse } from '../../crypto/keys.ts'
import { fromBase64, wipe } from '../../util/bytes.ts'
import { readCiphertext, writeCiphertext } from './ciphertext.ts'
import type { KeyRecord, KeyVersion, Random } from './record.ts'

/** Derived keys that one version keeps parsed, and the longest context (in letters) that is worth keeping. */
const derivedKept = 256
const longestKept = 1024

/** What a message is bound to besides its key. `context` is the caller's base64; it matters for derived keys only. */
export interface Binding {
  readonly context?: string | undefined
  readonly associated?: Uint8Array | undefined
}

/** A key ready to encrypt; with `nonces` equal plaintexts get equal nonces. */
interface Sealer {
  readonly key: AeadKey
  readonly nonces: KeyObject | undefined
}

/**
 * One stored key with its material parsed, each version once and only when it is needed. It belongs to one immutable
 * record: a changed record gets another LiveKey, so nothing here can be stale. All operations are synchronous.
 */
export class LiveKey {
  readonly record: KeyRecord
  readonly #random: Random
  readonly #versions = new Map<number, (context: string | undefined) => Sealer>()

  constructor(record: KeyRecord, random: Random) {
    this.record = record
    this.#random = random
  }

  /**
   * Encrypts with a version; 0 is the latest.
   * @throws Fault invalid_request for a version or context that cannot be used.
   */
  encrypt(plaintext: Uint8Array, version: number, binding: Binding): { ciphertext: string; version: number } {
    const aead = this.#aead('encrypt')
    const number = this.#versionToEncrypt(version)
    const { key, nonces } = this.#sealer(number, binding.context)
    // NIST SP 800-38D §8.3 allows 2^32 random 96-bit nonces under one key: here is where a version's use is counted.
    const nonce = nonces ? hmacSha256(nonces, plaintext).subarray(0, aead.nonceBytes) : this.#random(aead.nonceBytes)
    return { ciphertext: writeCiphertext(number, key.seal(nonce, plaintext, binding.associated)), version: number }
  }

  /** @throws Fault invalid_request for what is no ciphertext of this key under this context and associated data. */
  decrypt(ciphertext: string, binding: Binding): Uint8Array {
    const aead = this.#aead('decrypt')
    const { version, body } = readCiphertext(ciphertext)
    if (version > this.record.latest) throw refuse('invalid ciphertext: version is too new')
    if (version < this.record.minDecryption) {
      throw refuse('ciphertext or signature version is disallowed by policy (too old)')
    }
    const sealed = body()
    if (sealed.length < aead.nonceBytes) throw refuse('invalid ciphertext length')
    const plaintext = this.#sealer(version, binding.context).key.open(sealed, binding.associated)
    if (!plaintext) throw refuse('cipher: message authentication failed')
    return plaintext
  }

  #aead(use: KeyUse): Aead {
    const { state, uses, type } = this.record
    if (state.is === 'soft-deleted') throw refuse('refusing to use soft-deleted key: restore it first')
    if (state.is === 'disabled') throw refuse('this key is disabled: enable it before it is used')
    const { aead } = keyType(type)
    if (!aead || !uses.includes(use)) throw refuse(`keys of type ${type} cannot ${use} data, or this one may not`)
    return aead
  }

  #versionToEncrypt(wanted: number): number {
    const { latest, minDecryption, minEncryption } = this.record
    if (wanted === 0) return latest
    if (wanted < 0) throw refuse('the requested version for encryption is negative')
    if (wanted > latest) throw refuse('the requested version for encryption is higher than the latest key version')
    if (wanted < minEncryption) {
      throw refuse('the requested version for encryption is less than the minimum encryption key version')
    }
    if (wanted < minDecryption) throw refuse('no such key version')
    return wanted
  }

  #sealer(number: number, context: string | undefined): Sealer {
    let version = this.#versions.get(number)
    if (!version) {
      const stored = this.record.versions[number]
      if (!stored) throw refuse('no such key version')
      version = parse(this.record, stored, keyType(this.record.type).aead as Aead)
      this.#versions.set(number, version)
    }
    return version(context)
  }
}

function material(version: KeyVersion): Uint8Array {
  const bytes = fromBase64(version.material)
  if (!bytes) throw new Fault('internal', 'a stored key version is damaged')
  return bytes
}

function parse(key: KeyRecord, version: KeyVersion, aead: Aead): (context: string | undefined) => Sealer {
  const raw = material(version)
  try {
    if (key.kdf !== null) return derivedSealers(kdfs[key.kdf](raw), key.convergent, aead)
    const sealer = { key: aead.key(raw), nonces: undefined }
    return () => sealer
  } finally {
    wipe(raw)
  }
}

/** The sealers of one derived version, by context. The most recent ones are kept: a derivation costs more than a message. */
function derivedSealers(derive: Derive, convergent: boolean, aead: Aead): (context: string | undefined) => Sealer {
  const kept = new LRUCache<string, Sealer>({ max: derivedKept })
  return (context = '') => {
    const known = kept.get(context)
    if (known) return known
    const bytes = decodeContext(context)
    if (bytes.length === 0) {
      throw refuse('missing context: this key is derived, so every request must give the context its data belongs to')
    }
    // Convergent encryption, third scheme: one derivation gives the key and the key of the nonces.
    const derived = derive(bytes, aead.keyBytes + (convergent ? 32 : 0))
    const nonces = convergent ? createSecretKey(derived.subarray(aead.keyBytes)) : undefined
    const sealer = { key: aead.key(derived.subarray(0, aead.keyBytes)), nonces }
    wipe(derived)
    if (context.length <= longestKept) kept.set(context, sealer)
    return sealer
  }
}

/** @throws Fault invalid_request when it is not standard base64. */
export function decodeContext(context: string): Uint8Array {
  const bytes = fromBase64(context)
  if (!bytes) throw refuse('failed to base64-decode context')
  return bytes
}
