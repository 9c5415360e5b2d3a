import { setting } from './description.ts'
import type { Description, Stanza } from './description.ts'

const common: readonly Description[] = [
  setting('max_request_size', 'bytes', '`8388608`', 'The largest body of a request.'),
  setting(
    'max_request_duration',
    'duration',
    'no limit',
    'The time until the response; after it, the response is 503, and work that was begun may continue.',
  ),
  setting('http_read_header_timeout', 'duration', '`"10s"`', 'The time to receive the headers of a request.'),
  setting('http_read_timeout', 'duration', '`"90s"`', 'The time to receive a whole request.'),
  setting('http_idle_timeout', 'duration', '`"65s"`', 'The time that a connection may be idle.'),
  setting('disable_unauthed_rekey_endpoints', 'boolean', '`true`', 'Whether `rekey` needs a token.'),
  setting(
    'disable_unauthed_generate_root_endpoints',
    'boolean',
    '`true`',
    'Whether `generate-root` needs a token. Set it to `false` when every token is lost.',
  ),
  setting('telemetry', 'block', '', 'See `telemetry` of a listener.'),
]

const tls: readonly Description[] = [
  setting(
    'tls_cert_file',
    'path',
    'required',
    'The certificate of the server (PEM), followed by the intermediate ones.',
    'file',
  ),
  setting(
    'tls_key_file',
    'path',
    'required',
    'The private key of the certificate (PEM), without a passphrase.',
    'file',
  ),
  setting('tls_min_version', 'string', '`"tls12"`', 'The oldest version of TLS: `"tls12"` or `"tls13"`.'),
  setting('tls_max_version', 'string', '`"tls13"`', 'The newest version of TLS: `"tls12"` or `"tls13"`.'),
  setting(
    'tls_cipher_suites',
    'list',
    'six with forward secrecy',
    'The cipher suites of TLS 1.2, by their names in RFC 5289 and 7905.',
  ),
  setting(
    'tls_prefer_server_cipher_suites',
    'boolean',
    '`true`',
    'Whether the server chooses the cipher suite by its own order, not by that of the client.',
  ),
  setting('tls_client_ca_file', 'path', '', 'A file with the CAs (PEM) of client certificates.', 'file'),
  setting(
    'tls_require_and_verify_client_cert',
    'boolean',
    '`false`',
    'Whether every client needs a certificate issued by these CAs.',
  ),
  setting('tls_disable_client_certs', 'boolean', '`false`', 'Whether clients are not asked for a certificate.'),
  setting('tls_disable', 'boolean', '`false`', 'Plain HTTP instead of TLS, on loopback addresses only.'),
  setting(
    'unsafe_allow_tls_disable_on_network',
    'boolean',
    '`false`',
    'Whether `tls_disable` is accepted for other addresses, for a server behind a proxy that terminates TLS.',
  ),
]

const proxies: readonly Description[] = [
  setting(
    'x_forwarded_for_authorized_addrs',
    'list',
    '',
    'The proxies (addresses and blocks) whose `X-Forwarded-For` is used.',
  ),
  setting(
    'x_forwarded_for_hop_skips',
    'integer',
    '`0`',
    'The number of addresses at the end of `X-Forwarded-For` that are proxies as well.',
  ),
  setting(
    'x_forwarded_for_reject_not_present',
    'boolean',
    '`true`',
    'Whether requests without `X-Forwarded-For` are refused.',
  ),
  setting(
    'x_forwarded_for_reject_not_authorized',
    'boolean',
    '`true`',
    'Whether requests with `X-Forwarded-For` from other addresses are refused.',
  ),
  setting(
    'x_forwarded_for_client_cert_header',
    'string',
    '',
    'The header in which those proxies send the certificate of their client.',
  ),
  setting(
    'x_forwarded_for_client_cert_decoders',
    'list',
    'base64 of DER',
    'The encodings of that header, in order: `URL`, `PEM`, `RFC9440`, or several of them.',
  ),
  setting(
    'proxy_protocol_behavior',
    'string',
    '',
    'The PROXY protocol: `"deny_unauthorized"`, `"allow_authorized"` or `"use_always"`.',
  ),
  setting(
    'proxy_protocol_authorized_addrs',
    'list',
    '',
    'The proxies (addresses and blocks) whose PROXY header is used.',
  ),
]

/** The settings of listeners. */
export const listenerStanzas: readonly Stanza[] = [
  {
    name: 'listener "tcp"',
    about: 'An address and a port, with TLS ([operations.md](operations.md#listeners)).',
    settings: [
      setting('address', 'string', '`"127.0.0.1:8200"`', '`host:port`, `[IPv6]:port`, or `:port` for every address.'),
      setting('cluster_address', 'string', '', 'Refused: there are no clusters of several servers.'),
      ...tls,
      ...proxies,
      ...common,
    ],
  },
  {
    name: 'listener "unix"',
    about: 'A socket for programs on the same machine ([operations.md](operations.md#listeners)).',
    settings: [
      setting('address', 'path', 'required', 'The path of the socket, at most 107 bytes.'),
      setting('socket_mode', 'string', '`"0600"`', 'The mode of the socket, three octal digits.'),
      setting('socket_user', 'string', 'that of the server', 'The owner of the socket, a name or a number.'),
      setting('socket_group', 'string', 'that of the server', 'The group of the socket, a name or a number.'),
      setting('tls_disable', 'boolean', '`true`', 'There is no TLS on a socket: only `true` is accepted.'),
      ...common,
    ],
  },
  {
    name: 'telemetry of a listener',
    about: '`telemetry { … }` inside a `listener`.',
    settings: [
      setting(
        'unauthenticated_metrics_access',
        'boolean',
        '`false`',
        'Whether metrics need no token, on any listener, and are also served while the server is sealed.',
      ),
    ],
  },
]
