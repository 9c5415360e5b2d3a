import { X509Certificate } from 'node:crypto'
import { base64, fromBase64 } from '../../util/bytes.ts'

/** One block of PEM (RFC 7468). */
export function pem(label: string, der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g

/** The DER of all blocks of a PEM; undefined if there is another kind of block, or invalid base64. */
export function pemBlocks(text: string, label: string): readonly Uint8Array[] | undefined {
  const found: Uint8Array[] = []
  for (const [, kind, body = ''] of text.matchAll(block)) {
    const der = fromBase64(body.replace(/\s/g, ''))
    if (kind !== label || !der || der.length === 0) return undefined
    found.push(der)
  }
  return found
}

const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Whether a string is one or more certificates as PEM, and nothing else. */
export function areCertificates(text: string): boolean {
  const found = text.match(certificates) ?? []
  if (found.length === 0 || text.replace(certificates, '').trim() !== '') return false
  try {
    return found.every((one) => new X509Certificate(one).raw.length > 0)
  } catch {
    return false
  }
}
