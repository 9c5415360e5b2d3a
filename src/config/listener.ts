import { certificateDecoders } from '../contract/peer.ts'
import type { ForwardedCertificate, ForwardedFor, ProxyProtocol } from '../contract/peer.ts'
import type { HclValue, Position } from '../util/hcl/values.ts'
import { isLoopback, parseCidr } from '../util/cidr.ts'
import type { Setter, Source } from './source.ts'
import { tlsOf, tlsSettings } from './tls.ts'
import type { TlsDraft } from './tls.ts'
import type { ListenerConfig, UnixSocket } from './types.ts'

type Draft<T> = { -readonly [K in keyof T]?: T[K] }
type CommonDraft = Draft<ListenerConfig> & { address?: string }
type TcpDraft = CommonDraft &
  TlsDraft & {
    forwarded?: Draft<ForwardedFor>
    certificate?: Draft<ForwardedCertificate>
    proxy?: Draft<ProxyProtocol>
  }
type UnixDraft = CommonDraft & { socket?: Draft<UnixSocket>; tlsOff?: boolean }

const common: Readonly<Record<string, Setter<CommonDraft>>> = {
  address: (source, value, draft) => void (draft.address = source.string(value, 'address')),
  max_request_size: (source, value, draft) =>
    void (draft.maxRequestSize = source.integer(value, 'max_request_size', 1)),
  max_request_duration: (source, value, draft) =>
    void (draft.maxRequestDuration = source.seconds(value, 'max_request_duration')),
  http_read_header_timeout: (source, value, draft) =>
    void (draft.readHeaderTimeout = source.seconds(value, 'http_read_header_timeout')),
  http_read_timeout: (source, value, draft) => void (draft.readTimeout = source.seconds(value, 'http_read_timeout')),
  http_idle_timeout: (source, value, draft) => void (draft.idleTimeout = source.seconds(value, 'http_idle_timeout')),
  disable_unauthed_rekey_endpoints: (source, value, draft) =>
    void (draft.unauthedRekey = !source.bool(value, 'disable_unauthed_rekey_endpoints')),
  disable_unauthed_generate_root_endpoints: (source, value, draft) =>
    void (draft.unauthedGenerateRoot = !source.bool(value, 'disable_unauthed_generate_root_endpoints')),
  telemetry: (source, value, draft) => {
    source.each(source.items(value, 'telemetry'), (inner) =>
      source.setting(metricsSettings, inner, 'telemetry of a listener')(source, inner.value, draft, inner),
    )
  },
}

const metricsSettings: Readonly<Record<string, Setter<CommonDraft>>> = {
  unauthenticated_metrics_access: (source, value, draft) =>
    void (draft.openMetrics = source.bool(value, 'unauthenticated_metrics_access')),
}

const tcpSettings: Readonly<Record<string, Setter<TcpDraft>>> = {
  ...common,
  ...tlsSettings,
  cluster_address: (source, value) => {
    throw source.wrong(value.at, 'cluster_address: this server is a single one and has no cluster port; leave it out')
  },
  x_forwarded_for_authorized_addrs: (source, value, draft) =>
    void ((draft.forwarded ??= {}).authorized = blocksOf(source, value, 'x_forwarded_for_authorized_addrs')),
  x_forwarded_for_hop_skips: (source, value, draft) =>
    void ((draft.forwarded ??= {}).hopSkips = source.integer(value, 'x_forwarded_for_hop_skips')),
  x_forwarded_for_reject_not_present: (source, value, draft) =>
    void ((draft.forwarded ??= {}).rejectNotPresent = source.bool(value, 'x_forwarded_for_reject_not_present')),
  x_forwarded_for_reject_not_authorized: (source, value, draft) =>
    void ((draft.forwarded ??= {}).rejectNotAuthorized = source.bool(value, 'x_forwarded_for_reject_not_authorized')),
  x_forwarded_for_client_cert_header: (source, value, draft) => {
    const header = source.string(value, 'x_forwarded_for_client_cert_header').toLowerCase()
    if (!/^[a-z0-9-]{1,128}$/.test(header) || usedHeaders.test(header))
      throw source.wrong(
        value.at,
        'x_forwarded_for_client_cert_header is the name of a header that nothing else uses, such as Client-Cert',
      )
    ;(draft.certificate ??= {}).header = header
  },
  x_forwarded_for_client_cert_decoders: (source, value, draft) => {
    ;(draft.certificate ??= {}).decoders = source.list(value, 'x_forwarded_for_client_cert_decoders').map((word) => {
      const decoder = certificateDecoders.find((one) => one === word.toUpperCase())
      if (!decoder)
        throw source.wrong(value.at, `x_forwarded_for_client_cert_decoders has only ${certificateDecoders.join(', ')}`)
      return decoder
    })
  },
  proxy_protocol_behavior: (source, value, draft) => {
    const behavior = behaviors.find((one) => one === source.string(value, 'proxy_protocol_behavior'))
    if (!behavior) throw source.wrong(value.at, `proxy_protocol_behavior is one of ${behaviors.join(', ')}`)
    ;(draft.proxy ??= {}).behavior = behavior
  },
  proxy_protocol_authorized_addrs: (source, value, draft) =>
    void ((draft.proxy ??= {}).authorized = blocksOf(source, value, 'proxy_protocol_authorized_addrs')),
}

/** Headers that mean something else. */
const usedHeaders =
  /^(?:x-(?:vault|bao)-.*|x-forwarded-(?:for|host|proto)|authorization|host|cookie|content-.*|transfer-.*|connection)$/

const behaviors = ['use_always', 'allow_authorized', 'deny_unauthorized'] as const

const unixSettings: Readonly<Record<string, Setter<UnixDraft>>> = {
  ...common,
  // Configurations of other servers have it. It has no effect here, because there is no TLS.
  tls_disable: (source, value, draft) => {
    draft.tlsOff = source.bool(value, 'tls_disable')
    if (!draft.tlsOff)
      throw source.wrong(value.at, 'a unix socket has no TLS; write tls_disable = true, or leave it out')
  },
  socket_mode: (source, value, draft) => {
    const mode = source.string(value, 'socket_mode')
    if (!/^0?[0-7]{3}$/.test(mode)) throw source.wrong(value.at, 'socket_mode is three octal digits such as "0660"')
    ;(draft.socket ??= {}).mode = Number.parseInt(mode, 8)
  },
  socket_user: (source, value, draft) => void ((draft.socket ??= {}).user = source.string(value, 'socket_user')),
  socket_group: (source, value, draft) => void ((draft.socket ??= {}).group = source.string(value, 'socket_group')),
}

/** An address to listen on, `host:port` or `[IPv6]:port`; the host is empty for `:port`. Undefined if it is malformed. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address)
  const port = Number(parts?.[3])
  return parts && port <= 65535 ? { host: parts[1] ?? parts[2] ?? '', port } : undefined
}

/** A `listener "tcp"` block. @throws ConfigError */
export function tcpListener(source: Source, body: HclValue): ListenerConfig {
  const draft: TcpDraft = {}
  source.each(source.items(body, 'listener'), (inner) =>
    source.setting(tcpSettings, inner, 'listener "tcp"')(source, inner.value, draft, inner),
  )
  const { address = '127.0.0.1:8200', forwarded, certificate, proxy } = draft
  const at = hostAndPort(address)
  if (!at) throw source.wrong(body.at, `address "${address}" must be host:port`)
  const tls = tlsOf(source, body.at, draft)
  const host = at.host || '0.0.0.0'
  if (!tls) checkPlain(source, body.at, host, draft.tlsOffAnywhere ?? false)
  if (certificate && proxy?.behavior === 'use_always')
    throw source.wrong(
      body.at,
      'x_forwarded_for_client_cert_header needs to know who sends it, and proxy_protocol_behavior = "use_always" believes everybody: write "allow_authorized" or "deny_unauthorized", and proxy_protocol_authorized_addrs',
    )
  return {
    ...sharedBy(draft),
    host,
    port: at.port,
    ...(tls && { tls }),
    ...((forwarded || certificate) && { forwardedFor: forwardedOf(source, body.at, forwarded ?? {}, certificate) }),
    ...(proxy && { proxyProtocol: proxyOf(source, body.at, proxy) }),
  }
}

/** A `listener "unix"` block. @throws ConfigError */
export function unixListener(source: Source, body: HclValue): ListenerConfig {
  const draft: UnixDraft = {}
  source.each(source.items(body, 'listener'), (inner) =>
    source.setting(unixSettings, inner, 'listener "unix"')(source, inner.value, draft, inner),
  )
  const { address, socket } = draft
  if (address === undefined) throw source.wrong(body.at, 'a listener "unix" needs an address: the path of its socket')
  if (Buffer.byteLength(address) > longestSocketPath)
    throw source.wrong(body.at, `the path of a unix socket has at most ${longestSocketPath} bytes`)
  return { ...sharedBy(draft), host: '', port: 0, unix: { ...socket, path: address } }
}

/** `sun_path` of Linux without its closing zero (unix(7)). */
const longestSocketPath = 107

function sharedBy(draft: CommonDraft) {
  const { maxRequestSize, maxRequestDuration, readHeaderTimeout, readTimeout, idleTimeout } = draft
  return {
    ...(maxRequestSize !== undefined && { maxRequestSize }),
    ...(maxRequestDuration !== undefined && { maxRequestDuration }),
    ...(readHeaderTimeout !== undefined && { readHeaderTimeout }),
    ...(readTimeout !== undefined && { readTimeout }),
    ...(idleTimeout !== undefined && { idleTimeout }),
    ...(draft.openMetrics && { openMetrics: true }),
    unauthedRekey: draft.unauthedRekey ?? false,
    unauthedGenerateRoot: draft.unauthedGenerateRoot ?? false,
  }
}

function checkPlain(source: Source, at: Position, host: string, allowed: boolean): void {
  if (isLoopback(host) && allowed)
    throw source.wrong(
      at,
      `unsafe_allow_tls_disable_on_network has no effect on ${host}, which is this machine: remove it`,
    )
  if (isLoopback(host) || allowed) return
  throw source.wrong(
    at,
    `tls_disable = true on ${host} would send tokens and secrets over the network in clear: give tls_cert_file and tls_key_file, listen on 127.0.0.1, or, behind something that does TLS, add unsafe_allow_tls_disable_on_network = true`,
  )
}

function blocksOf(source: Source, value: HclValue, name: string): readonly string[] {
  return source.list(value, name).map((word) => {
    const block = parseCidr(word)
    if (block === undefined)
      throw source.wrong(value.at, `${name}: "${word}" is not an address or an address block such as 10.0.0.0/8`)
    return block
  })
}

function forwardedOf(
  source: Source,
  at: Position,
  draft: Draft<ForwardedFor>,
  certificate: Draft<ForwardedCertificate> | undefined,
): ForwardedFor {
  const { authorized, hopSkips = 0, rejectNotPresent = true, rejectNotAuthorized = true } = draft
  if (!authorized)
    throw source.wrong(at, 'x_forwarded_for_… needs x_forwarded_for_authorized_addrs: the addresses of the proxies')
  const rules = { authorized, hopSkips, rejectNotPresent, rejectNotAuthorized }
  if (!certificate) return rules
  const { header, decoders = [] } = certificate
  if (header === undefined)
    throw source.wrong(at, 'x_forwarded_for_client_cert_decoders needs x_forwarded_for_client_cert_header')
  return { ...rules, certificate: { header, decoders } }
}

function proxyOf(source: Source, at: Position, { behavior, authorized }: Draft<ProxyProtocol>): ProxyProtocol {
  if (!behavior)
    throw source.wrong(at, `proxy_protocol_authorized_addrs needs proxy_protocol_behavior: ${behaviors.join(', ')}`)
  if (behavior === 'use_always' && authorized)
    throw source.wrong(
      at,
      'proxy_protocol_behavior = "use_always" believes everybody: proxy_protocol_authorized_addrs would have no effect',
    )
  if (behavior !== 'use_always' && !authorized)
    throw source.wrong(at, `proxy_protocol_behavior = "${behavior}" needs proxy_protocol_authorized_addrs`)
  return { behavior, authorized: authorized ?? [] }
}
