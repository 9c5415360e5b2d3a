import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { native, quantumOf } from '../keys/pair-key.ts'
import type { PairKey } from '../keys/pair-key.ts'
import { heavy, slow } from '../workers/heavy.ts'
import type { PairType } from '../keys/pairs.ts'
import type { SignerName } from '../keys/post-quantum.ts'
import { quickBytes } from '../ciphers/cipher.ts'
import { signatures } from './signatures.ts'
import type { SignatureOptions } from './signatures.ts'

/** The signatures of a family of keys. Slow ones are computed on another thread, with a promise. */
interface Scheme {
  readonly sign: (key: PairKey, input: Uint8Array, options: SignatureOptions) => Uint8Array | Promise<Uint8Array>
  readonly verify: (
    key: PairKey,
    input: Uint8Array,
    signature: Uint8Array,
    options: SignatureOptions,
  ) => boolean | Promise<boolean>
}

/**
 * Signatures by families of keys. On the loop stays what takes about as long as handing it over, 0.1 ms: Ed25519, ECDSA
 * of P-256, and verifying with RSA. Signing with RSA takes 0.8 to 6 ms, both with the other curves 0.6 to 5 ms, ML-DSA 3
 * to 15 ms, SLH-DSA up to seconds.
 */
export const schemes: Readonly<Record<PairType['family'], Scheme>> = {
  ed25519: {
    sign: (half, input, options) => {
      const key = native(half)
      return isShort(input)
        ? signatures.ed25519.sign(key, input)
        : heavy.run('sign', { family: 'ed25519', key, input, options })
    },
    verify: (half, input, signature, options) => {
      const key = native(half)
      return isShort(input)
        ? signatures.ed25519.verify(key, input, signature)
        : heavy.run('verify', { family: 'ed25519', key, input, signature, options })
    },
  },
  ec: {
    sign: (half, input, options) => {
      const key = native(half)
      return isShort(input) && isQuick(key, options)
        ? signatures.ec.sign(key, input, options)
        : heavy.run('sign', { family: 'ec', key, input, options })
    },
    verify: (half, input, signature, options) => {
      const key = native(half)
      return isShort(input) && isQuick(key, options)
        ? signatures.ec.verify(key, input, signature, options)
        : heavy.run('verify', { family: 'ec', key, input, signature, options })
    },
  },
  rsa: {
    sign: (key, input, options) => heavy.run('sign', { family: 'rsa', key: native(key), input, options }),
    verify: (half, input, signature, options) => {
      const key = native(half)
      return isShort(input)
        ? signatures.rsa.verify(key, input, signature, options)
        : heavy.run('verify', { family: 'rsa', key, input, signature, options })
    },
  },
  quantum: {
    sign: (half, input, options) => {
      const message = quantumMessage(half, input, options)
      return (message.name.startsWith('slh') ? slow : heavy).run('quantumSign', message)
    },
    verify: (half, input, signature, options) =>
      heavy.run('quantumVerify', { ...quantumMessage(half, input, options), signature }),
  },
}

function quantumMessage(half: PairKey, input: Uint8Array, { prehashed, boundTo }: SignatureOptions) {
  const { name, bytes } = quantumOf(half)
  if (prehashed) throw refuse(`prehashed input is not possible with keys of type ${name}: send the data itself`)
  return { name: name as SignerName, key: bytes, input, context: boundTo ?? new Uint8Array() }
}

/** Hashed in less than a millisecond or two. */
const isShort = ({ length }: Uint8Array): boolean => length <= quickBytes / 4

/** OpenSSL has P-256 in machine code, but not for a given digest. */
function isQuick(key: KeyObject, options: SignatureOptions): boolean {
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && !options.prehashed
}
