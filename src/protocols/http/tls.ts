import { constants } from 'node:crypto'

/** Certificate and key, PEM, and how TLS is spoken with them. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** Cipher suites of TLS 1.2 by OpenSSL's names. */
  readonly ciphers?: readonly string[]
  /** The client's order of cipher suites counts. */
  readonly clientOrder?: boolean
  /** When given, clients must show a certificate of these authorities. */
  readonly clientCa?: string
  /** Clients are not asked for a certificate. */
  readonly noClientCert?: boolean
}

const usualSuites = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
/** Those of TLS 1.3 have no setting. */
const newerSuites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

/** Node's options for a server that speaks TLS so. */
export function tlsOptions(material: TlsMaterial) {
  const {
    cert,
    key,
    minVersion = 'TLSv1.2',
    maxVersion = 'TLSv1.3',
    ciphers,
    clientOrder,
    clientCa,
    noClientCert,
  } = material
  return {
    cert,
    key,
    minVersion,
    maxVersion,
    ciphers: [...newerSuites, ...(ciphers ?? usualSuites)].join(':'),
    honorCipherOrder: !clientOrder,
    // A client that renegotiates again and again costs the server far more than itself.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ALPNProtocols: ['http/1.1'],
    // Asked for, but not demanded: the cert login method judges the certificate when a client logs in with it.
    requestCert: !noClientCert,
    rejectUnauthorized: clientCa !== undefined,
    ...(clientCa !== undefined && { ca: clientCa }),
  }
}
