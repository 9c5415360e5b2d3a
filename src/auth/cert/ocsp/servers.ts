import { derInside, derValues } from '../../../crypto/encoding/der.ts'
import { addressProblem } from '../../../util/http/provider.ts'
import { oidOf } from '../x509/asn1.ts'
import { oids } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'

/** The most servers that are asked about a certificate, and characters of an address. */
export const mostServers = 4
const longestAddress = 2048

const ocsp = '1.3.6.1.5.5.7.48.1'

/** Why no OCSP server can be at an address; undefined: one can. */
export function serverProblem(url: string): string | undefined {
  if (url.length > longestAddress) return `it is longer than ${longestAddress} characters`
  return addressProblem(url, true)
}

/** The addresses of OCSP servers in a certificate (authority information access, RFC 5280 §4.2.2.1), without what cannot be one. */
export function serversIn({ extensions }: Certificate): readonly string[] {
  const extension = extensions.get(oids.authorityInformation)
  if (!extension) return []
  try {
    const places = derInside(extension.value).map(({ content }) => derValues(content))
    return places
      .filter(([method, place]) => method && oidOf(method) === ocsp && place?.tag === 0x86)
      .map(([, place]) => Buffer.from(place?.content ?? []).toString('latin1'))
      .filter((url) => serverProblem(url) === undefined)
      .slice(0, mostServers)
  } catch {
    // It is no DER.
    return []
  }
}
