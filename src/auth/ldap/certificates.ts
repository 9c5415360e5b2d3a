import { X509Certificate } from 'node:crypto'

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Whether a text is one or more certificates as PEM, and nothing else. */
export function areCertificates(pem: string): boolean {
  const found = pem.match(block) ?? []
  if (found.length === 0 || pem.replace(block, '').trim() !== '') return false
  try {
    return found.every((one) => new X509Certificate(one).raw.length > 0)
  } catch {
    return false
  }
}
