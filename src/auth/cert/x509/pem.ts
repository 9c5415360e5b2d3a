import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { readCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'

/** The certificates of a PEM, in order; undefined if there are none, or one of them is invalid. */
export function certificatesIn(text: string): readonly Certificate[] | undefined {
  const blocks = pemBlocks(text.replaceAll('TRUSTED CERTIFICATE-----', 'CERTIFICATE-----'), 'CERTIFICATE') ?? []
  const certificates = blocks.map(readCertificate)
  return certificates.length > 0 && certificates.every((one) => one !== undefined) ? certificates : undefined
}
