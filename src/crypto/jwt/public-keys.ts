import { X509Certificate, createPublicKey } from 'node:crypto'
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

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Whether a text is one or more certificates as PEM, and nothing else. */
export function areCertificates(pem: string): boolean {
  const found = pem.match(certificates) ?? []
  if (found.length === 0 || pem.replace(certificates, '').trim() !== '') return false
  try {
    return found.every((one) => new X509Certificate(one).raw.length > 0)
  } catch {
    return false
  }
}
