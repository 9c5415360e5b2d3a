import { constants, createCipheriv, createDecipheriv, privateDecrypt, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { concat, wipe } from '../../util/bytes.ts'

/** Hash functions of the OAEP padding, by the names of PKCS#11 tools and Vault. */
export const oaepHashes = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
export type OaepHash = (typeof oaepHashes)[number]

const kekBytes = 32
/** RFC 5649 §3: the start of every padded wrapping; the length of the key follows it. */
const initial = Buffer.from('a65959a6', 'hex')
const cipher = 'id-aes256-wrap-pad'

function oaep(key: KeyObject, oaepHash: OaepHash) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }
}

/** CKM_RSA_AES_KEY_WRAP (PKCS#11): RSA-OAEP of an AES-256 key that is used once, then AES-KWP of the material. */
export function wrapKey(
  to: KeyObject,
  material: Uint8Array,
  hash: OaepHash,
  random: (bytes: number) => Uint8Array,
): Uint8Array {
  const kek = random(kekBytes)
  const wrapping = createCipheriv(cipher, kek, initial)
  const wrapped = concat(publicEncrypt(oaep(to, hash), kek), wrapping.update(material), wrapping.final())
  wipe(kek)
  return wrapped
}

/** The material from `wrapKey`; undefined for all other input, without a reason. */
export function unwrapKey(privateKey: KeyObject, wrapped: Uint8Array, hash: OaepHash): Uint8Array | undefined {
  const head = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  // RFC 5649 §4: no wrapping is shorter than two blocks; OpenSSL accepts an empty one as an empty key.
  if (wrapped.length < head + 16) return undefined
  try {
    const kek = privateDecrypt(oaep(privateKey, hash), wrapped.subarray(0, head))
    if (kek.length !== kekBytes) return undefined
    const unwrapping = createDecipheriv(cipher, kek, initial)
    const material = concat(unwrapping.update(wrapped.subarray(head)), unwrapping.final())
    wipe(kek)
    return material
  } catch {
    return undefined
  }
}
