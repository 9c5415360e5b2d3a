import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isUsable } from './token.ts'

const block = /^-----BEGIN (PUBLIC KEY|RSA PUBLIC KEY|CERTIFICATE)-----[^-]+-----END \1-----$/

/** The public key in a PEM (SPKI, PKCS #1, or a certificate); undefined when it is none, or none that JWTs are signed with. */
export function publicKeyOf(pem: string): KeyObject | undefined {
  if (!block.test(pem.trim())) return undefined
  try {
    const key = createPublicKey(pem)
    return isUsable(key) ? key : undefined
  } catch {
    return undefined
  }
}
