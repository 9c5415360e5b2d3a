import { derInside, derValues } from '../../../crypto/encoding/der.ts'
import { addressProblem } from '../../../util/http/provider.ts'
import { oidOf } from '../x509/asn1.ts'
import { oids } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'

/** The maximum number of servers for one certificate, and length of a URL in characters. */
export const mostServers = 4
const longestAddress = 2048

const ocspMethod = '1.3.6.1.5.5.7.48.1'

/** The reason why the URL of an OCSP server is refused; undefined: it is accepted. */
export function serverProblem(url: string): string | undefined {
  if (url.length > longestAddress) return `it is longer than ${longestAddress} characters`
  return addressProblem(url, true)
}

/** The acceptable URLs of OCSP servers in a certificate (authority information access, RFC 5280 §4.2.2.1). */
export function serversIn({ extensions }: Certificate): readonly string[] {
  const extension = extensions.get(oids.authorityInformation)
  if (!extension) return []
  try {
    const descriptions = derInside(extension.value).map(({ content }) => derValues(content))
    return descriptions
      .filter(([method, location]) => method && oidOf(method) === ocspMethod && location?.tag === 0x86)
      .map(([, location]) => Buffer.from(location?.content ?? []).toString('latin1'))
      .filter((url) => serverProblem(url) === undefined)
      .slice(0, mostServers)
  } catch {
    // Invalid DER.
    return []
  }
}
