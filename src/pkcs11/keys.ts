import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { cka, ckk, ckm, cko, ckr, oaepHashes } from './constants.ts'
import type { OaepHash } from './constants.ts'
import { Pkcs11Error, TokenProblem } from './error.ts'
import { addressOf, words } from './memory.ts'
import type { Token } from './token.ts'

/** Which key of a token; the id is hexadecimal. One of them may be ''. */
export interface KeyName {
  readonly label: string
  readonly id: string
}

/** What AES-GCM encrypts to. */
export interface GcmCiphertext {
  readonly iv: Uint8Array
  /** With the tag of 16 bytes at its end. */
  readonly ciphertext: Uint8Array
}

const [ivBytes, tagBytes] = [12, 16]

/** The AES key, or the private RSA key, of this name; undefined if there is none. @throws TokenProblem if there are several */
export function findKey(token: Token, name: KeyName, type: 'aes' | 'rsa'): bigint | undefined {
  const found = token.find([
    [cka.class, words(type === 'aes' ? cko.secretKey : cko.privateKey)],
    [cka.keyType, words(ckk[type])],
    ...(name.label === '' ? [] : ([[cka.label, Buffer.from(name.label)]] as const)),
    ...(name.id === '' ? [] : ([[cka.id, Buffer.from(name.id, 'hex')]] as const)),
  ])
  if (found.length > 1) throw new TokenProblem(`several keys are named ${nameOf(name)}: give key_label and key_id`)
  return found[0]
}

/** A key, for a message. */
export const nameOf = ({ label, id }: KeyName): string =>
  [label === '' ? '' : `"${label}"`, id === '' ? '' : `0x${id}`].filter((part) => part !== '').join(' ')

/** @param iv 12 random bytes. An HSM that makes its own puts them in their place, as the standard allows */
export function encryptGcm(
  token: Token,
  key: bigint,
  plaintext: Uint8Array,
  iv: Uint8Array,
  aad: Uint8Array,
): GcmCiphertext {
  const [nonce, associated] = [Buffer.from(iv), Buffer.from(aad)]
  const { mechanism, parameters } = gcm(nonce, associated)
  token.library.call('C_EncryptInit', [token.session, mechanism, key])
  const data = Buffer.from(plaintext)
  const ciphertext = token.library.bytes('C_Encrypt', [token.session, data, data.length], data.length + tagBytes)
  for (const kept of [parameters, associated, data]) kept.fill(0)
  return { iv: nonce, ciphertext }
}

/** @throws TokenProblem when it was encrypted with another key, or changed */
export function decryptGcm(token: Token, key: bigint, { iv, ciphertext }: GcmCiphertext, aad: Uint8Array): Buffer {
  if (iv.length !== ivBytes) throw new TokenProblem('the ciphertext is damaged', { isKey: true })
  const [nonce, associated] = [Buffer.from(iv), Buffer.from(aad)]
  const { mechanism, parameters } = gcm(nonce, associated)
  token.library.call('C_DecryptInit', [token.session, mechanism, key])
  const plaintext = decrypted(token, ciphertext)
  for (const kept of [parameters, associated, nonce]) kept.fill(0)
  return plaintext
}

/** Encrypts with the public key, outside of the HSM: it is no secret, and some HSMs know fewer hashes than their clients. */
export function encryptOaep(token: Token, key: bigint, plaintext: Uint8Array, hash: OaepHash): Uint8Array {
  const publicKey = publicKeyOf(token, key)
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, plaintext)
}

/** @throws TokenProblem when it was encrypted with another key or hash */
export function decryptOaep(token: Token, key: bigint, ciphertext: Uint8Array, hash: OaepHash): Buffer {
  const used = oaepHashes[hash]
  // The source is CKZ_DATA_SPECIFIED, and there is none.
  const parameters = words(used.hash, used.mgf, 1, 0, 0)
  const mechanism = words(ckm.rsaOaep, addressOf(parameters), parameters.length)
  try {
    token.library.call('C_DecryptInit', [token.session, mechanism, key])
  } catch (thrown) {
    const unfit: readonly number[] = [ckr.argumentsBad, ckr.mechanismParamInvalid]
    if (thrown instanceof Pkcs11Error && unfit.includes(thrown.value))
      throw new TokenProblem(
        `the HSM cannot use rsa_oaep_hash = "${hash}" (${thrown.message}); SoftHSM knows only "sha1"`,
      )
    throw thrown
  }
  const plaintext = decrypted(token, ciphertext)
  parameters.fill(0)
  return plaintext
}

function decrypted(token: Token, ciphertext: Uint8Array): Buffer {
  const data = Buffer.from(ciphertext)
  try {
    return token.library.bytes('C_Decrypt', [token.session, data, data.length], data.length + tagBytes)
  } catch (thrown) {
    if (thrown instanceof Pkcs11Error && !thrown.isDeviceFailure)
      throw new TokenProblem(`the key does not decrypt it (${thrown.message})`, { isKey: true })
    throw thrown
  }
}

/** CK_GCM_PARAMS: they, and what they point to, are kept until the end of the operation, because some HSMs read them only then. */
function gcm(iv: Buffer, aad: Buffer): { readonly mechanism: Buffer; readonly parameters: Buffer } {
  const parameters = words(addressOf(iv), iv.length, iv.length * 8, addressOf(aad), aad.length, tagBytes * 8)
  return { mechanism: words(ckm.aesGcm, addressOf(parameters), parameters.length), parameters }
}

function publicKeyOf(token: Token, key: bigint): KeyObject {
  const [n, e] = [token.attribute(key, cka.modulus), token.attribute(key, cka.publicExponent)].map((part) =>
    part.toString('base64url'),
  ) as [string, string]
  const publicKey = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' })
  if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) return publicKey
  throw new TokenProblem('the RSA key has fewer than 2048 bits')
}
