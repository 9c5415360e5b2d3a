import type { IncomingMessage } from 'node:http'
import { refuse } from '../../contract/fault.ts'
import type { CertificateDecoder, ForwardedCertificate } from '../../contract/peer.ts'
import { fromBase64 } from '../../util/bytes.ts'

/** The most certificates of a header: the client's own, and those of intermediate authorities. */
const most = 10

/** The header with the client's certificate, as it was sent; undefined: none, or an empty one. @throws Fault invalid_request */
function sentIn(message: IncomingMessage, { header }: ForwardedCertificate): string | undefined {
  const [value = '', ...more] = message.headersDistinct[header] ?? []
  if (more.length > 0) throw refuse(`the header ${header} was given more than once`)
  return value.trim() === '' ? undefined : value.trim()
}

/**
 * The client's certificates in the header of a proxy, base64 of DER, the client's own first. The proxy's own ones are not among
 * them: without the header, the client has none. From any other peer the header is refused: a certificate is public, and only
 * the proxy knows that its owner has the key.
 * @returns undefined when the peer is no proxy, so that its own certificates count
 * @throws Fault invalid_request
 */
export function forwardedCertificates(
  message: IncomingMessage,
  rules: ForwardedCertificate,
  isProxy: boolean,
): readonly string[] | undefined {
  const sent = sentIn(message, rules)
  if (!isProxy) {
    if (sent === undefined) return undefined
    throw refuse(
      `the header ${rules.header} counts only from the addresses of x_forwarded_for_authorized_addrs: connect with the certificate itself`,
    )
  }
  if (sent === undefined) return []
  const found = rules.decoders.reduce<readonly string[]>((values, step) => values.flatMap(decoders[step]), [sent])
  if (found.length === 0 || found.length > most || !found.every(isDer))
    throw refuse(
      `the header ${rules.header} has no certificate: x_forwarded_for_client_cert_decoders says how the proxy writes it`,
    )
  return found
}

const isDer = (value: string): boolean => fromBase64(value)?.[0] === 0x30

/** The output of each decoder; undefined for a value that it cannot decode. */
const decoders: Readonly<Record<CertificateDecoder, (value: string) => readonly string[]>> = {
  URL: (value) => {
    try {
      return [decodeURIComponent(value)]
    } catch {
      return []
    }
  },
  // A header has no lines: proxies write spaces or tabs in place of their ends.
  PEM: (value) =>
    [...value.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)].map(
      ([, body = '']) => body.replaceAll(/\s/g, ''),
    ),
  // A byte sequence of structured fields (RFC 8941 §3.3.5).
  RFC9440: (value) => (/^:[A-Za-z0-9+/=]+:$/.test(value) ? [value.slice(1, -1)] : []),
}
