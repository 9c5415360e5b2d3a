import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { certificateRequest } from '../encoding/certificates.ts'
import { unwrapKey } from '../ciphers/key-wrap.ts'
import type { OaepHash } from '../ciphers/key-wrap.ts'
import { decryptOaep } from '../ciphers/oaep.ts'
import type { OaepOptions } from '../ciphers/oaep.ts'
import { readPkcs8 } from '../keys/pkcs8.ts'
import { quantum } from '../keys/post-quantum.ts'
import { signatures } from '../signatures/signatures.ts'
import type { SignatureOptions } from '../signatures/signatures.ts'
import { wholeKey } from '../keys/key-parts.ts'
import type { KeyParts } from '../keys/key-parts.ts'
import { passwordJobs } from '../passwords.ts'
import { largeJobs } from './large.ts'

interface Signing {
  readonly family: keyof typeof signatures
  readonly key: KeyObject
  readonly input: Uint8Array
  readonly options: SignatureOptions
}

interface Padded extends OaepOptions {
  readonly key: KeyObject
  readonly sealed: Uint8Array
}

interface Wrapped {
  readonly key: KeyObject
  readonly wrapped: Uint8Array
  readonly hash: OaepHash
}

/**
 * Jobs for other threads (`heavy.run(name, input)`): anything that takes more than about a millisecond. A new job is
 * a line here. Inputs and results are copied, their bytes are wiped on the thread afterwards; keys are KeyObjects
 * (`createSecretKey` for raw ones), which cross without being copied.
 */
export const jobs = {
  /** A private RSA key of so many bits. */
  generateRsa: (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey,
  sign: ({ family, key, input, options }: Signing) => signatures[family].sign(key, input, options),
  verify: ({ family, key, input, signature, options }: Signing & { readonly signature: Uint8Array }) =>
    signatures[family].verify(key, input, signature, options),
  quantumPair: quantum.pair,
  quantumPublicKey: quantum.publicKey,
  quantumSign: quantum.sign,
  quantumVerify: quantum.verify,
  encapsulate: quantum.encapsulate,
  decapsulate: quantum.decapsulate,
  ...largeJobs,
  ...passwordJobs,
  openOaep: ({ key, sealed, hash, label }: Padded) => decryptOaep(key, sealed, { hash, label }),
  /** Of keys to import. */
  unwrapKey: ({ key, wrapped, hash }: Wrapped) => unwrapKey(key, wrapped, hash),
  /** Of an imported private key, undefined if it is invalid. */
  readPkcs8: (der: Uint8Array) => readPkcs8(der),
  wholeKey: (parts: KeyParts) => wholeKey(parts),
  certificateRequest: ({ key, template }: { readonly key: KeyObject; readonly template: string }) =>
    certificateRequest(key, template),
} as const
export type HeavyJobs = typeof jobs
