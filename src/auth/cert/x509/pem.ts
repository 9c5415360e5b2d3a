import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { readCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'

/** The certificates of a PEM, in order; undefined when there is none, or one that cannot be read. */
export function certificatesIn(text: string): readonly Certificate[] | undefined {
  const blocks = pemBlocks(text.replaceAll('TRUSTED CERTIFICATE-----', 'CERTIFICATE-----'), 'CERTIFICATE') ?? []
  const found = blocks.map(readCertificate)
  return found.length > 0 && found.every((one) => one !== undefined) ? found : undefined
}
