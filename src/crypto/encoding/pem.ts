import { base64, fromBase64 } from '../../util/bytes.ts'

/** One block of PEM (RFC 7468). */
export function pem(label: string, der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g

/** The DER of all blocks of a PEM; undefined when there is another kind of block, or no base64. */
export function pemBlocks(text: string, label: string): readonly Uint8Array[] | undefined {
  const found: Uint8Array[] = []
  for (const [, kind, body = ''] of text.matchAll(block)) {
    const der = fromBase64(body.replace(/\s/g, ''))
    if (kind !== label || !der || der.length === 0) return undefined
    found.push(der)
  }
  return found
}
