import { constants, privateEncrypt, publicDecrypt, sign as signData, verify as verifyData } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { concat, sameBytes } from '../../util/bytes.ts'
import { ecdsaDigest } from './ecdsa-digest.ts'
import { digest, opensslHash } from '../hash.ts'
import type { MacHash } from '../hash.ts'
import { emsaPss, pssFits } from './pss.ts'

/** The parameters of a signature. Each family of keys uses only its own. */
export interface SignatureOptions {
  /** `none`: the input of a PKCS#1 v1.5 signature is put in as it is. */
  readonly hash: MacHash | 'none'
  /** The input is a digest already. */
  readonly prehashed: boolean
  readonly padding: 'pss' | 'pkcs1v15'
  /** Bytes of the PSS salt; `auto`: the maximum when signing, any when verifying. */
  readonly salt: number | 'auto' | 'hash'
  /** ECDSA: r ‖ s of fixed length (RFC 7518) instead of DER. */
  readonly jws: boolean
  /** ML-DSA, SLH-DSA: at most 255 bytes that the signature is bound to. */
  readonly boundTo?: Uint8Array
}

interface Signatures {
  readonly sign: (key: KeyObject, input: Uint8Array, options: SignatureOptions) => Uint8Array
  readonly verify: (key: KeyObject, input: Uint8Array, signature: Uint8Array, options: SignatureOptions) => boolean
}

/**
 * Signatures by families of keys: RFC 8032 (pure), FIPS 186-5, RFC 8017. Functions throw Faults for invalid
 * parameters. They run on the calling thread; `schemes` runs them on another one.
 */
export const signatures = {
  ed25519: {
    sign: (key, input) => signData(null, input, key),
    verify: (key, input, signature) => verifyData(null, input, key, signature),
  },
  ec: {
    sign: (key, input, options) => {
      const hash = ecHash(input, options)
      if (options.prehashed) return ecdsaDigest.sign(key, input, options.jws)
      return signData(hash, input, { key, dsaEncoding: encoding(options) })
    },
    verify: (key, input, signature, options) => {
      const hash = ecHash(input, options)
      if (!options.jws) mustBeDer(signature)
      if (options.prehashed) return ecdsaDigest.verify(key, input, signature, options.jws)
      return verifyData(hash, input, { key, dsaEncoding: encoding(options) }, signature)
    },
  },
  rsa: {
    sign: (key, input, options) => (options.padding === 'pss' ? signPss : signPkcs1)(key, input, options),
    verify: (key, input, signature, options) =>
      signature.length === modulusBytes(key) &&
      (options.padding === 'pss' ? verifyPss : verifyPkcs1)(key, input, signature, options),
  },
} as const satisfies Record<string, Signatures>

function ecHash(input: Uint8Array, { hash, prehashed }: SignatureOptions): string {
  if (hash === 'none') throw refuse('hash_algorithm none is for prehashed pkcs1v15 signatures of RSA keys')
  // Signatures for the number 0 can be forged, so this digest is refused.
  if (prehashed && input.every((byte) => byte === 0)) throw refuse('the input is prehashed, but it is no digest')
  return opensslHash(hash)
}

/** @throws Fault unless it is exactly the DER of two integers (RFC 3279 §2.2.3). */
function mustBeDer(signature: Uint8Array): void {
  const [tag = 0, first = 0, second = 0] = signature
  const header = first === 0x81 ? 3 : 2
  const length = header === 3 ? second : first
  if (tag !== 0x30 || length > 0xff || header + length > signature.length) throw refuse('supplied signature is invalid')
  if (header + length < signature.length) throw refuse('the signature has more bytes behind its end')
}

function encoding({ jws }: SignatureOptions): 'ieee-p1363' | 'der' {
  return jws ? 'ieee-p1363' : 'der'
}

function modulusBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}

function digestOf(input: Uint8Array, { hash, prehashed }: SignatureOptions): { hash: MacHash; value: Uint8Array } {
  if (hash === 'none') throw refuse('hash_algorithm none is for prehashed pkcs1v15 signatures of RSA keys')
  if (!prehashed) return { hash, value: digest(hash, input) }
  if (input.length !== digest(hash, new Uint8Array()).length) {
    throw refuse(`the input is prehashed, but it is not as long as a digest of ${hash}`)
  }
  return { hash, value: input }
}

// RFC 8017 §9.2 note 1: the DER before a digest, which ends with its length.
const infos: Readonly<Record<MacHash, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  'sha2-224': '302d300d06096086480165030402040500041c',
  'sha2-256': '3031300d060960864801650304020105000420',
  'sha2-384': '3041300d060960864801650304020205000430',
  'sha2-512': '3051300d060960864801650304020305000440',
  'sha3-224': '302d300d06096086480165030402070500041c',
  'sha3-256': '3031300d060960864801650304020805000420',
  'sha3-384': '3041300d060960864801650304020905000430',
  'sha3-512': '3051300d060960864801650304020a05000440',
}

/** The DigestInfo inside the padding of a PKCS#1 v1.5 signature. */
function digestInfo(key: KeyObject, input: Uint8Array, options: SignatureOptions): Uint8Array {
  const { hash } = options
  if (hash === 'none' && !options.prehashed) throw refuse('hash_algorithm none needs prehashed input')
  const info = hash === 'none' ? input : concat(Buffer.from(infos[hash], 'hex'), digestOf(input, options).value)
  if (info.length > modulusBytes(key) - 11) throw refuse('the input is too long for a signature with this RSA key')
  return info
}

function signPkcs1(key: KeyObject, input: Uint8Array, options: SignatureOptions): Uint8Array {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(key, input, options))
}

function verifyPkcs1(key: KeyObject, input: Uint8Array, signature: Uint8Array, options: SignatureOptions): boolean {
  const wanted = digestInfo(key, input, options)
  try {
    return sameBytes(publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature), wanted)
  } catch {
    return false
  }
}

function saltBytes(key: KeyObject, hashBytes: number, { salt }: SignatureOptions): number | undefined {
  if (salt === 'auto') return undefined
  const bytes = salt === 'hash' ? hashBytes : salt
  if (!pssFits(modulusBytes(key), hashBytes, bytes))
    throw refuse('the salt_length is not possible with this key and hash')
  return bytes
}

function signPss(key: KeyObject, input: Uint8Array, options: SignatureOptions): Uint8Array {
  const { hash, value } = digestOf(input, options)
  const size = modulusBytes(key)
  const salt = saltBytes(key, value.length, options) ?? size - value.length - 2
  if (!options.prehashed) {
    return signData(opensslHash(hash), input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt })
  }
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, emsaPss.encode(hash, value, size, salt))
}

function verifyPss(key: KeyObject, input: Uint8Array, signature: Uint8Array, options: SignatureOptions): boolean {
  const { hash, value } = digestOf(input, options)
  const salt = saltBytes(key, value.length, options)
  if (!options.prehashed) {
    const saltLength = salt ?? constants.RSA_PSS_SALTLEN_AUTO
    return verifyData(
      opensslHash(hash),
      input,
      { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
      signature,
    )
  }
  try {
    return emsaPss.verify(hash, value, publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature), salt)
  } catch {
    return false
  }
}
