import type { HclValue } from '../policy/hcl.ts'
import type { Setter, Source } from './source.ts'
import type { ListenerConfig } from './types.ts'

type ListenerDraft = { -readonly [K in keyof ListenerConfig]?: ListenerConfig[K] } & {
  address?: string
  tlsOff?: boolean
  cert?: string
  certKey?: string
  ca?: string
  min?: 'TLSv1.2' | 'TLSv1.3'
}

const listenerSettings: Readonly<Record<string, Setter<ListenerDraft>>> = {
  address: (source, value, draft) => void (draft.address = source.text(value, 'address')),
  cluster_address: () => {},
  tls_disable: (source, value, draft) => void (draft.tlsOff = source.bool(value, 'tls_disable')),
  tls_cert_file: (source, value, draft) => void (draft.cert = source.text(value, 'tls_cert_file')),
  tls_key_file: (source, value, draft) => void (draft.certKey = source.text(value, 'tls_key_file')),
  tls_client_ca_file: (source, value, draft) => void (draft.ca = source.text(value, 'tls_client_ca_file')),
  tls_min_version: (source, value, draft) => {
    const versions: Readonly<Record<string, 'TLSv1.2' | 'TLSv1.3'>> = { tls12: 'TLSv1.2', tls13: 'TLSv1.3' }
    const version = versions[source.text(value, 'tls_min_version')]
    if (!version) throw source.wrong(value.at, 'tls_min_version is "tls12" or "tls13"')
    draft.min = version
  },
  max_request_size: (source, value, draft) => void (draft.maxRequestSize = source.whole(value, 'max_request_size', 1)),
  max_request_duration: (source, value, draft) =>
    void (draft.maxRequestDuration = source.seconds(value, 'max_request_duration')),
  http_read_header_timeout: (source, value, draft) =>
    void (draft.readHeaderTimeout = source.seconds(value, 'http_read_header_timeout')),
  http_idle_timeout: (source, value, draft) => void (draft.idleTimeout = source.seconds(value, 'http_idle_timeout')),
  disable_unauthed_rekey_endpoints: (source, value, draft) =>
    void (draft.unauthedRekey = !source.bool(value, 'disable_unauthed_rekey_endpoints')),
  disable_unauthed_generate_root_endpoints: (source, value, draft) =>
    void (draft.unauthedGenerateRoot = !source.bool(value, 'disable_unauthed_generate_root_endpoints')),
}

/** An address to listen on, `host:port` or `[IPv6]:port`; the host is empty for `:port`. Undefined for anything else. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(parts?.[3])
  return parts && port <= 65535 ? { host: parts[1] ?? parts[2] ?? '', port } : undefined
}

/** A listener block. @throws ConfigError */
export function listenerOf(source: Source, body: HclValue): ListenerConfig {
  const draft: ListenerDraft = {}
  for (const inner of source.items(body, 'listener'))
    source.known(listenerSettings, inner, 'listener "tcp"')(source, inner.value, draft, inner)
  const { address = '127.0.0.1:8200', tlsOff, cert, certKey, ca, min, ...rest } = draft
  const at = hostAndPort(address)
  if (!at) throw source.wrong(body.at, `address "${address}" must be host:port`)
  if (!tlsOff && (!cert || !certKey))
    throw source.wrong(
      body.at,
      'a listener needs tls_cert_file and tls_key_file, or tls_disable = true (on loopback only)',
    )
  return {
    ...rest,
    unauthedRekey: rest.unauthedRekey ?? false,
    unauthedGenerateRoot: rest.unauthedGenerateRoot ?? false,
    host: at.host || '0.0.0.0',
    port: at.port,
    ...(!tlsOff &&
      cert &&
      certKey && {
        tls: { certFile: cert, keyFile: certKey, ...(min && { minVersion: min }), ...(ca && { clientCaFile: ca }) },
      }),
  }
}
