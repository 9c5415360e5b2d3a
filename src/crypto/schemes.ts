import type { KeyObject } from 'node:crypto'
import { heavy } from './heavy.ts'
import type { PairType } from './pairs.ts'
import { signatures } from './signatures.ts'
import type { SignatureWish } from './signatures.ts'

/** How a family of keys signs. What takes long is done on another thread, and promised. */
export interface Scheme {
  readonly sign: (key: KeyObject, input: Uint8Array, wish: SignatureWish) => Uint8Array | Promise<Uint8Array>
  readonly verify: (
    key: KeyObject,
    input: Uint8Array,
    signature: Uint8Array,
    wish: SignatureWish,
  ) => boolean | Promise<boolean>
}

/**
 * Signatures by families of keys. On the loop stays what takes about as long as handing it over, 0.1 ms: Ed25519, ECDSA
 * of P-256, and verifying with RSA. Signing with RSA takes 0.8 to 6 ms, both with the other curves 0.6 to 5 ms.
 */
export const schemes: Readonly<Record<PairType['family'], Scheme>> = {
  ed25519: signatures.ed25519,
  ec: {
    sign: (key, input, wish) =>
      isQuick(key, wish) ? signatures.ec.sign(key, input, wish) : heavy.run('sign', { family: 'ec', key, input, wish }),
    verify: (key, input, signature, wish) =>
      isQuick(key, wish)
        ? signatures.ec.verify(key, input, signature, wish)
        : heavy.run('verify', { family: 'ec', key, input, signature, wish }),
  },
  rsa: {
    sign: (key, input, wish) => heavy.run('sign', { family: 'rsa', key, input, wish }),
    verify: signatures.rsa.verify,
  },
}

/** OpenSSL has P-256 in machine code, but not for a digest that is ready made. */
function isQuick(key: KeyObject, wish: SignatureWish): boolean {
  return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && !wish.prehashed
}
