import { constants } from 'node:crypto'

/** Certificate and key, PEM, and how TLS is spoken with them. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** Cipher suites of TLS 1.2 by OpenSSL's names. */
  readonly ciphers?: readonly string[]
  /** The server follows the client's order of cipher suites. */
  readonly clientOrder?: boolean
  /** If set, clients must have a certificate of these authorities. */
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

/** Node's options for a server with these TLS settings. */
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
    // Requested, but not required: the cert login method checks the certificate at a login.
    requestCert: !noClientCert,
    rejectUnauthorized: clientCa !== undefined,
    ...(clientCa !== undefined && { ca: clientCa }),
  }
}
