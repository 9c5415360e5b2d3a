import type { HclValue, Position } from '../util/hcl/values.ts'
import type { Setter, Source } from './source.ts'
import type { TlsConfig, TlsVersion } from './types.ts'

/** The TLS settings of a listener block. */
export interface TlsDraft {
  tlsOff?: boolean
  tlsOffAnywhere?: boolean
  cert?: string
  certKey?: string
  ca?: string
  min?: TlsVersion
  max?: TlsVersion
  suites?: readonly string[]
  serverOrder?: boolean
  clientCert?: boolean
  noClientCert?: boolean
}

/** The cipher suites of TLS 1.2 that are spoken, by their names in RFC 5289 and 7905, and OpenSSL's names for them. */
const suites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
}

/** The settings of a listener that are about TLS. */
export const tlsSettings: Readonly<Record<string, Setter<TlsDraft>>> = {
  tls_disable: (source, value, draft) => void (draft.tlsOff = source.bool(value, 'tls_disable')),
  unsafe_allow_tls_disable_on_network: (source, value, draft) =>
    void (draft.tlsOffAnywhere = source.bool(value, 'unsafe_allow_tls_disable_on_network')),
  tls_cert_file: (source, value, draft) => void (draft.cert = source.string(value, 'tls_cert_file')),
  tls_key_file: (source, value, draft) => void (draft.certKey = source.string(value, 'tls_key_file')),
  tls_client_ca_file: (source, value, draft) => void (draft.ca = source.string(value, 'tls_client_ca_file')),
  tls_min_version: (source, value, draft) => void (draft.min = versionOf(source, value, 'tls_min_version')),
  tls_max_version: (source, value, draft) => void (draft.max = versionOf(source, value, 'tls_max_version')),
  tls_cipher_suites: (source, value, draft) => void (draft.suites = suitesOf(source, value)),
  tls_prefer_server_cipher_suites: (source, value, draft) =>
    void (draft.serverOrder = source.bool(value, 'tls_prefer_server_cipher_suites')),
  tls_require_and_verify_client_cert: (source, value, draft) =>
    void (draft.clientCert = source.bool(value, 'tls_require_and_verify_client_cert')),
  tls_disable_client_certs: (source, value, draft) =>
    void (draft.noClientCert = source.bool(value, 'tls_disable_client_certs')),
}

function versionOf(source: Source, value: HclValue, name: string): TlsVersion {
  const versions: Readonly<Record<string, TlsVersion>> = { tls12: 'TLSv1.2', tls13: 'TLSv1.3' }
  const input = source.string(value, name)
  const version = Object.hasOwn(versions, input) ? versions[input] : undefined
  if (!version) throw source.wrong(value.at, `${name} is "tls12" or "tls13"`)
  return version
}

function suitesOf(source: Source, value: HclValue): readonly string[] {
  const names = source.list(value, 'tls_cipher_suites')
  return names.map((name) => {
    const suite = Object.hasOwn(suites, name) ? suites[name] : undefined
    if (suite) return suite
    throw source.wrong(
      value.at,
      `tls_cipher_suites: "${name}" is not offered; those of TLS 1.2 are ${Object.keys(suites).join(', ')} (TLS 1.3 has its own, which need no setting)`,
    )
  })
}

/** TLS of a listener block; undefined if it is disabled. @throws ConfigError for settings without effect */
export function tlsOf(source: Source, at: Position, draft: TlsDraft): TlsConfig | undefined {
  const { cert, certKey, ca, min, max, suites: ciphers, serverOrder = true } = draft
  if (draft.tlsOff) return withoutTls(source, at, draft)
  if (draft.tlsOffAnywhere)
    throw source.wrong(at, 'unsafe_allow_tls_disable_on_network has an effect only with tls_disable')
  if (!cert || !certKey)
    throw source.wrong(at, 'a listener needs tls_cert_file and tls_key_file, or tls_disable = true (on loopback only)')
  checkClientCerts(source, at, draft)
  if (min === 'TLSv1.3' && max === 'TLSv1.2') throw source.wrong(at, 'tls_max_version is older than tls_min_version')
  if (ciphers && min === 'TLSv1.3')
    throw source.wrong(at, 'tls_cipher_suites is for TLS 1.2, which tls_min_version excludes')
  return {
    certFile: cert,
    keyFile: certKey,
    ...(min && { minVersion: min }),
    ...(max && { maxVersion: max }),
    ...(ciphers && { ciphers }),
    ...(!serverOrder && { clientOrder: true }),
    ...(ca && { clientCaFile: ca }),
    ...(draft.noClientCert && { noClientCert: true }),
  }
}

function checkClientCerts(source: Source, at: Position, { ca, clientCert, noClientCert }: TlsDraft): void {
  if (clientCert && noClientCert)
    throw source.wrong(at, 'tls_require_and_verify_client_cert and tls_disable_client_certs exclude each other')
  if (clientCert && !ca)
    throw source.wrong(
      at,
      'tls_require_and_verify_client_cert needs tls_client_ca_file: the authorities of the clients',
    )
  if (ca && !clientCert)
    throw source.wrong(at, 'tls_client_ca_file has an effect only with tls_require_and_verify_client_cert = true')
}

function withoutTls(source: Source, at: Position, draft: TlsDraft): undefined {
  const { cert, certKey, ca, min, max, suites: ciphers, serverOrder, clientCert, noClientCert } = draft
  const idle = [cert, certKey, ca, min, max, ciphers, serverOrder, clientCert, noClientCert]
  if (idle.some((setting) => setting !== undefined))
    throw source.wrong(
      at,
      'tls_disable = true leaves the other tls_ settings of this listener without effect: remove them',
    )
}
