import { wipe } from '../../util/bytes.ts'
import { aeads } from '../ciphers/aead.ts'
import { cbcs } from '../ciphers/cbc.ts'
import type { Cipher } from '../ciphers/cipher.ts'
import { pairs, quantumPair } from './pairs.ts'
import type { PairType } from './pairs.ts'

/** The uses of a key. `derive` is the agreement on a shared secret, not the derivation of subkeys. */
export type KeyUse =
  'encrypt' | 'decrypt' | 'wrap' | 'unwrap' | 'sign' | 'verify' | 'mac' | 'derive' | 'encapsulate' | 'decapsulate'

/** Stored key material: raw bytes, or PKCS#8 with the public key beside it. */
export interface Material {
  readonly secretKey: Uint8Array
  readonly publicKey?: Uint8Array
}

type Random = (bytes: number) => Uint8Array

/** Everything that is special about one type of key. */
export interface KeyType {
  /** All that a key of this type can do; a key's own usage set is part of it. */
  readonly uses: readonly KeyUse[]
  /** Whether subkeys can be derived for a context. */
  readonly derivable: boolean
  /** Whether it can encrypt equal plaintexts to equal ciphertexts under derived keys. */
  readonly convergent: boolean
  /** The cipher, for types that encrypt with raw keys. */
  readonly cipher?: Cipher
  /** The MAC of types that only support MACs. All other keys compute HMACs with a separate key. */
  readonly mac?: 'hmac' | 'cmac'
  /** For key pairs. */
  readonly pair?: PairType
  /** For types with raw keys of one size, in bytes. */
  readonly keyBytes?: number
  /** For types with keys of several sizes: the smallest and the largest, in bytes. */
  readonly sizes?: readonly [number, number]
  /** The number of this type in backups: Vault's, or our own from 1000. */
  readonly code: number
  /** New key material; `size` matters for types with sizes. The caller wipes it. */
  readonly generate: (random: Random, size: number) => Promise<Material>
}

function symmetric(cipher: Cipher, code: number) {
  const { keyBytes } = cipher
  return {
    uses: ['encrypt', 'decrypt', 'wrap', 'unwrap'],
    derivable: true,
    // Without authentication equal nonces would be all that ties a ciphertext to its plaintext.
    convergent: cipher.authenticated,
    cipher,
    keyBytes,
    code,
    generate: async (random: Random) => ({ secretKey: random(keyBytes) }),
  } as const satisfies KeyType
}

function cmac(keyBytes: number, code: number) {
  return {
    uses: ['mac'],
    derivable: false,
    convergent: false,
    mac: 'cmac',
    keyBytes,
    code,
    generate: async (random: Random) => ({ secretKey: random(keyBytes) }),
  } as const satisfies KeyType
}

function asymmetric(pair: PairType, code: number, uses: readonly KeyUse[]): KeyType & { readonly pair: PairType } {
  return {
    uses,
    derivable: pair.family === 'ed25519',
    convergent: false,
    pair,
    code,
    generate: (random) => pair.generate(random),
  }
}

const signs = ['sign', 'verify'] as const
const kemUses = ['encapsulate', 'decapsulate'] as const
const ecUses = ['sign', 'verify', 'derive'] as const
const rsaUses = ['encrypt', 'decrypt', 'wrap', 'unwrap', 'sign', 'verify'] as const

const hmacSizes = [32, 512] as const

/** All types of keys, by Vault's names: the only place that defines the properties of a type. */
export const keyTypes = {
  'aes128-gcm96': symmetric(aeads.aes128gcm, 8),
  'aes192-gcm96': symmetric(aeads.aes192gcm, 1000),
  'aes256-gcm96': symmetric(aeads.aes256gcm, 0),
  'aes128-gcm-siv': symmetric(aeads.aes128gcmSiv, 1001),
  'aes256-gcm-siv': symmetric(aeads.aes256gcmSiv, 1002),
  'chacha20-poly1305': symmetric(aeads.chacha20poly1305, 5),
  'xchacha20-poly1305': symmetric(aeads.xchacha20poly1305, 11),
  'aes128-cbc': symmetric(cbcs.aes128cbc, 1003),
  'aes256-cbc': symmetric(cbcs.aes256cbc, 1004),
  ed25519: asymmetric(pairs.ed25519, 2, signs),
  'ecdsa-p256': asymmetric(pairs.p256, 1, ecUses),
  'ecdsa-p384': asymmetric(pairs.p384, 6, ecUses),
  'ecdsa-p521': asymmetric(pairs.p521, 7, ecUses),
  'ecdsa-secp256k1': asymmetric(pairs.secp256k1, 1005, ecUses),
  'rsa-2048': asymmetric(pairs.rsa2048, 3, rsaUses),
  'rsa-3072': asymmetric(pairs.rsa3072, 9, rsaUses),
  'rsa-4096': asymmetric(pairs.rsa4096, 4, rsaUses),
  'ml-dsa-44': asymmetric(quantumPair('ml-dsa-44'), 1010, signs),
  'ml-dsa-65': asymmetric(quantumPair('ml-dsa-65'), 1011, signs),
  'ml-dsa-87': asymmetric(quantumPair('ml-dsa-87'), 1012, signs),
  'ml-kem-512': asymmetric(quantumPair('ml-kem-512'), 1013, kemUses),
  'ml-kem-768': asymmetric(quantumPair('ml-kem-768'), 1014, kemUses),
  'ml-kem-1024': asymmetric(quantumPair('ml-kem-1024'), 1015, kemUses),
  'slh-dsa-sha2-128f': asymmetric(quantumPair('slh-dsa-sha2-128f'), 1016, signs),
  'slh-dsa-sha2-192f': asymmetric(quantumPair('slh-dsa-sha2-192f'), 1017, signs),
  'slh-dsa-sha2-256f': asymmetric(quantumPair('slh-dsa-sha2-256f'), 1018, signs),
  'slh-dsa-shake-128f': asymmetric(quantumPair('slh-dsa-shake-128f'), 1019, signs),
  'slh-dsa-shake-192f': asymmetric(quantumPair('slh-dsa-shake-192f'), 1020, signs),
  'slh-dsa-shake-256f': asymmetric(quantumPair('slh-dsa-shake-256f'), 1021, signs),
  hmac: {
    uses: ['mac'],
    derivable: false,
    convergent: false,
    mac: 'hmac',
    sizes: hmacSizes,
    code: 10,
    generate: async (random: Random, size: number) => {
      if (!(size >= hmacSizes[0] && size <= hmacSizes[1])) throw new RangeError('no size of an HMAC key')
      return { secretKey: random(size) }
    },
  },
  'aes128-cmac': cmac(16, 1006),
  'aes192-cmac': cmac(24, 1007),
  'aes256-cmac': cmac(32, 1008),
} as const satisfies Record<string, KeyType>
export type KeyTypeName = keyof typeof keyTypes

/** Whether a string is the exact name of a type of key. */
export function isKeyType(name: string): name is KeyTypeName {
  return Object.hasOwn(keyTypes, name)
}

/** The row of a type. */
export function keyType(name: KeyTypeName): KeyType {
  return keyTypes[name]
}

/**
 * A type by Vault's two ways of naming one: `ml-dsa-65`, or `ml-dsa` with the parameter set `65`; for SLH-DSA the
 * parameter set is the whole name. Undefined if there is no such type.
 */
export function typeNamed(name: string, set: string): KeyTypeName | undefined {
  if (set === '') return isKeyType(name) ? name : undefined
  const type = [name, `${name}-${set}`, set].filter(isKeyType).find((candidate) => parameterSet(candidate) === set)
  return type === name || type?.startsWith(`${name}-`) ? type : undefined
}

/** The parameter set of a type that Vault names in two parts. */
export function parameterSet(name: KeyTypeName): string | undefined {
  return /^ml-(?:dsa|kem)-(\d+)$/.exec(name)?.[1] ?? (name.startsWith('slh-dsa-') ? name : undefined)
}

/** Whether a raw key of so many bytes can be one of this type. */
export function fitsRaw(name: KeyTypeName, bytes: number): boolean {
  const { keyBytes = 0, sizes = [keyBytes, keyBytes] } = keyType(name)
  return bytes > 0 && bytes >= sizes[0] && bytes <= sizes[1]
}

/** Overwrites the secret part. */
export function wipeMaterial(material: Material): void {
  wipe(material.secretKey)
}
