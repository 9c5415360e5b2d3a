import { createSecretKey, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Cipher, CipherKey } from '../../crypto/ciphers/cipher.ts'
import { heavy } from '../../crypto/workers/heavy.ts'
import { hmacSha256, kdfs } from '../../crypto/kdf.ts'
import type { Derive } from '../../crypto/kdf.ts'
import { keyType } from '../../crypto/keys/key-types.ts'
import { mostBytes, encryptOaep } from '../../crypto/ciphers/oaep.ts'
import type { OaepOptions } from '../../crypto/ciphers/oaep.ts'
import { fromPrivateDer, fromPublicDer } from '../../crypto/keys/pairs.ts'
import { base64, fromBase64, utf8, wipe } from '../../util/bytes.ts'
import { recent } from '../../util/caches/recent.ts'
import type { KeyRecord, KeyVersion, Random } from '../record.ts'

/** Derived keys that one version caches, and the longest context (in characters) that is cached. */
const derivedCached = 256
const longestCached = 1024

/** Without its own salt a view's key would be the one that transit derives for a context of these bytes. */
const viewSalt = utf8('strongroom key view')

/** The associated data of a message besides a context, and for RSA its padding. */
export interface Bound {
  readonly associated?: Uint8Array | undefined
  readonly oaep?: OaepOptions | undefined
}

/** One version of a key, ready to encrypt. Long work is done on another thread: then the result is a promise. */
export interface VersionCipher {
  /** @throws Fault for data or parameters that this type of key does not support. */
  encrypt(plaintext: Uint8Array, bound: Bound, random: Random): Uint8Array | Promise<Uint8Array>
  /** @throws Fault for a ciphertext of another key. */
  decrypt(sealed: Uint8Array, bound: Bound): Uint8Array | Promise<Uint8Array>
}

/** The ciphers of a version by context (base64; it matters for derived keys only). */
export type VersionCiphers = (context: string | undefined) => VersionCipher

/**
 * A version whose symmetric key is derived for one view of the keys (HKDF-SHA-256, RFC 5869), so that the ciphertexts of
 * this view decrypt in no other one. Key pairs are shared as they are, because their public key is public.
 */
export function versionFor(view: string, key: KeyRecord, version: KeyVersion): KeyVersion {
  const { cipher } = keyType(key.type)
  if (!cipher) return version
  const material = bytesOf(version.material)
  const info = utf8(`${view}\n${key.uuid}`)
  const derived = new Uint8Array(hkdfSync('sha256', material, viewSalt, info, cipher.keyBytes))
  const encoded = base64(derived)
  wipe(material, derived)
  return { ...version, material: encoded }
}

/** Parses one version for encryption. */
export function versionCiphers(key: KeyRecord, version: KeyVersion): VersionCiphers {
  const { cipher, pair } = keyType(key.type)
  if (pair) {
    const versionCipher = new RsaCipher(version)
    return () => versionCipher
  }
  const raw = bytesOf(version.material)
  try {
    if (key.kdf !== null) return derivedCiphers(kdfs[key.kdf](raw), key.convergent, cipher as Cipher)
    const versionCipher = new SymmetricCipher(cipher as Cipher, (cipher as Cipher).key(raw), undefined)
    return () => versionCipher
  } finally {
    wipe(raw)
  }
}

class SymmetricCipher implements VersionCipher {
  readonly #cipher: Cipher
  readonly #key: CipherKey
  /** The key of convergent encryption: equal plaintexts have equal nonces. */
  readonly #nonces: KeyObject | undefined

  constructor(cipher: Cipher, key: CipherKey, nonces: KeyObject | undefined) {
    this.#cipher = cipher
    this.#key = key
    this.#nonces = nonces
  }

  encrypt(plaintext: Uint8Array, bound: Bound, random: Random): Uint8Array | Promise<Uint8Array> {
    const { name, nonceBytes } = this.#cipher
    this.#mustTake(bound)
    // NIST SP 800-38D §8.3 allows 2^32 random 96-bit nonces under one key: LiveKey counts the messages of a version.
    const nonce = this.#nonces ? hmacSha256(this.#nonces, plaintext).subarray(0, nonceBytes) : random(nonceBytes)
    if (this.#isQuick(plaintext, bound)) return this.#key.encrypt(nonce, plaintext, bound.associated)
    return heavy.run('encrypt', { cipher: name, key: this.#key.shared(), nonce, plaintext, ...associatedOf(bound) })
  }

  decrypt(sealed: Uint8Array, bound: Bound): Uint8Array | Promise<Uint8Array> {
    this.#mustTake(bound)
    const { authenticated, nonceBytes } = this.#cipher
    const long = sealed.length >= nonceBytes
    if (!long && authenticated) throw refuse('invalid ciphertext length')
    if (!this.#isQuick(sealed, bound)) return this.#decryptLarge(sealed, bound)
    return this.#decrypted(long ? this.#key.decrypt(sealed, bound.associated) : undefined)
  }

  async #decryptLarge(sealed: Uint8Array, bound: Bound): Promise<Uint8Array> {
    const { name } = this.#cipher
    return this.#decrypted(
      await heavy.run('decrypt', { cipher: name, key: this.#key.shared(), sealed, ...associatedOf(bound) }),
    )
  }

  #isQuick({ length }: Uint8Array, { associated }: Bound): boolean {
    return length + (associated?.length ?? 0) <= this.#cipher.quickBytes
  }

  #decrypted(plaintext: Uint8Array | undefined): Uint8Array {
    const { authenticated } = this.#cipher
    if (plaintext) return plaintext
    // CVE-2023-2197: without authentication every failure must look the same, or the error message is an oracle.
    throw refuse(authenticated ? 'cipher: message authentication failed' : 'the ciphertext could not be decrypted')
  }

  #mustTake({ associated, oaep }: Bound): void {
    if (oaep) throw refuse('padding_scheme, hash_function and oaep_label are for RSA keys')
    if (this.#cipher.authenticated || !associated || associated.length === 0) return
    throw refuse('associated_data is not possible with this type of key: nothing authenticates it')
  }
}

const associatedOf = ({ associated }: Bound) => associated && { associated }

const usualOaep: OaepOptions = { hash: 'sha256', label: new Uint8Array() }

/** RSA-OAEP (RFC 8017); with SHA-256 and no label, as Vault has it, unless the request has other parameters. */
class RsaCipher implements VersionCipher {
  readonly #publicKey: KeyObject
  readonly #privateKey: KeyObject | undefined

  constructor({ open: publicKey = '', material }: KeyVersion) {
    this.#publicKey = fromPublicDer(bytesOf(publicKey))
    this.#privateKey = material === '' ? undefined : fromPrivateDer(bytesOf(material))
  }

  encrypt(plaintext: Uint8Array, { associated, oaep = usualOaep }: Bound): Uint8Array {
    refuseAssociated(associated)
    const most = mostBytes(this.#publicKey, oaep)
    if (plaintext.length > most) throw refuse(`the plaintext is too long for this RSA key: it takes ${most} bytes`)
    return encryptOaep(this.#publicKey, plaintext, oaep)
  }

  async decrypt(sealed: Uint8Array, { associated, oaep = usualOaep }: Bound): Promise<Uint8Array> {
    refuseAssociated(associated)
    if (!this.#privateKey) throw refuse('this version has no private key: only its public key was imported')
    const plaintext = await heavy.run('openOaep', { key: this.#privateKey, sealed, ...oaep })
    if (!plaintext) throw refuse('the ciphertext could not be decrypted with this RSA key')
    return plaintext
  }
}

function refuseAssociated(associated: Uint8Array | undefined): void {
  if (associated && associated.length > 0)
    throw refuse('associated_data is not possible with RSA keys: an oaep_label is')
}

/** The ciphers of one derived version. The most recent ones are cached: a derivation costs more than a message. */
function derivedCiphers(derive: Derive, convergent: boolean, cipher: Cipher): VersionCiphers {
  const cache = recent<string, VersionCipher>(derivedCached)
  return (context = '') => {
    const cached = cache.get(context)
    if (cached) return cached
    // Convergent encryption, third scheme: one derivation gives the key and the key of the nonces.
    const derived = derive(contextBytes(context), cipher.keyBytes + (convergent ? 32 : 0))
    const nonces = convergent ? createSecretKey(derived.subarray(cipher.keyBytes)) : undefined
    const versionCipher = new SymmetricCipher(cipher, cipher.key(derived.subarray(0, cipher.keyBytes)), nonces)
    wipe(derived)
    if (context.length <= longestCached) cache.set(context, versionCipher)
    return versionCipher
  }
}

/** The context of a derived key. @throws Fault invalid_request when it is missing or no base64. */
export function contextBytes(context: string | undefined): Uint8Array {
  const bytes = decodeContext(context ?? '')
  if (bytes.length > 0) return bytes
  throw refuse('missing context: this key is derived, so every request must give the context its data belongs to')
}

/** @throws Fault invalid_request when it is not standard base64. */
export function decodeContext(context: string): Uint8Array {
  const bytes = fromBase64(context)
  if (!bytes) throw refuse('failed to base64-decode context')
  return bytes
}

/** Stored base64. */
export function bytesOf(stored: string): Uint8Array {
  const bytes = fromBase64(stored)
  if (!bytes) throw new Fault('internal', 'a stored key version is damaged')
  return bytes
}
