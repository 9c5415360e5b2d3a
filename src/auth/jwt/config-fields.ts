import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import { isAlgorithm } from './config.ts'
import type { Client, Config, Remote } from './config.ts'
import { addressProblem } from '../../util/http/provider.ts'
import { areCertificates } from '../../crypto/encoding/pem.ts'
import { publicKeyOf } from '../../crypto/jwt/public-keys.ts'
import { algorithmNames } from '../../crypto/jwt/token.ts'

/** The fields of a configuration. */
export const configFields = {
  jwt_validation_pubkeys: f.list('Public keys that verify tokens, PEM.'),
  jwks_url: f.string('The address of a key set (JWKS) that verifies tokens.'),
  jwks_ca_pem: f.string('The CAs to trust at jwks_url, PEM.').limiting(),
  oidc_discovery_url: f.string('The issuer; its discovery document has the URL of its key set.'),
  oidc_discovery_ca_pem: f.string('The CAs to trust at oidc_discovery_url, PEM.').limiting(),
  oidc_allowed_hosts: f.list('Other hosts that the discovery document may name, such as keys.example.com.'),
  bound_issuer: f.string('The issuer (iss) that tokens must have.').limiting(),
  jwt_supported_algs: f.list(`Signature algorithms to accept: ${algorithmNames.join(', ')}; all when left out.`).limiting(), // prettier-ignore
  default_role: f.string('The role of logins that name none.'),
  namespace_in_state: f.bool('For browser logins of other servers. Stored without further effect.'),
  oidc_client_id: f.string('The client id at the provider, for logins in a browser.'),
  oidc_response_mode: f.string('How the provider sends the code: query or form_post.'),
  oidc_response_types: f.list('code: the others are not supported.'),
  override_allowed_server_names: f.list('Not supported.'),
  provider_config: f.object('Not supported.'),
}

/** A field that is left out of responses. */
export const hiddenConfigFields = {
  oidc_client_secret: f.string('The secret of that client.').secret(),
  skip_jwks_validation: f.bool('Do not fetch the keys once before the configuration is stored.'),
}

/** Values of these fields; undefined: left out. */
type ConfigValues = Values<typeof configFields & typeof hiddenConfigFields>

/** A new configuration: it replaces the one before. @throws Fault invalid_request */
export function newConfig(values: ConfigValues): Config {
  refuseUnsupported(values)
  const remote = remoteOf(values)
  const client = clientOf(values, remote)
  const config: Config = {
    pubkeys: values.jwt_validation_pubkeys ?? [],
    ...(remote && { remote }),
    ...(client && { client }),
    boundIssuer: values.bound_issuer ?? '',
    supportedAlgs: values.jwt_supported_algs ?? [],
    defaultRole: (values.default_role ?? '').toLowerCase(),
    namespaceInState: values.namespace_in_state ?? true,
  }
  checkConfig(config)
  return config
}

function refuseUnsupported(values: ConfigValues): void {
  if (Object.keys(values.provider_config ?? {}).length > 0)
    throw refuse("'provider_config' is not supported: claims come from the token and the user info alone")
  if ((values.override_allowed_server_names ?? []).length > 0)
    throw refuse("'override_allowed_server_names' is not supported: use an address that the certificate is for")
}

function remoteOf(values: ConfigValues): Remote | undefined {
  const { jwks_url: jwks = '', oidc_discovery_url: discovery = '', jwt_validation_pubkeys: pubkeys = [] } = values
  if ([jwks !== '', discovery !== '', pubkeys.length > 0].filter(Boolean).length !== 1)
    throw refuse("exactly one of 'jwt_validation_pubkeys', 'jwks_url' and 'oidc_discovery_url' must be set")
  const { jwks_ca_pem: jwksCa = '', oidc_discovery_ca_pem: discoveryCa = '', oidc_allowed_hosts: hosts = [] } = values
  if ((jwks === '' && jwksCa !== '') || (discovery === '' && (discoveryCa !== '' || hosts.length > 0)))
    throw refuse("'jwks_ca_pem' is for 'jwks_url'; 'oidc_discovery_ca_pem' and 'oidc_allowed_hosts' are for 'oidc_discovery_url'") // prettier-ignore
  if (jwks !== '') return { by: 'jwks', url: jwks, ca: jwksCa, hosts: [] }
  return discovery === '' ? undefined : { by: 'discovery', url: discovery, ca: discoveryCa, hosts }
}

function clientOf(values: ConfigValues, remote: Remote | undefined): Client | undefined {
  const { oidc_client_id: id = '', oidc_client_secret: secret = '', oidc_response_types: types = [] } = values
  const responseMode = responseModeOf(values.oidc_response_mode)
  if (!types.every((type) => type === 'code'))
    throw refuse(
      "invalid response_types: only 'code' is supported; tokens in URLs would be stored in logs and histories",
    )
  if ((id === '') !== (secret === '')) throw refuse("both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC") // prettier-ignore
  if (id !== '' && remote?.by !== 'discovery') throw refuse("'oidc_discovery_url' must be set for OIDC")
  if (id !== '') return { id, secret, responseMode, responseTypes: types.map(() => 'code') }
  if (responseMode !== '' || types.length > 0)
    throw refuse(
      "'oidc_response_mode' and 'oidc_response_types' are for logins in a browser: set oidc_client_id as well",
    )
  return undefined
}

function responseModeOf(mode = ''): Client['responseMode'] {
  if (mode !== '' && mode !== 'query' && mode !== 'form_post') throw refuse(`invalid response_mode: "${mode}"`)
  return mode
}

/** Each is tried for every token. */
const mostKeys = 64

function checkConfig({ pubkeys, remote, supportedAlgs, defaultRole }: Config): void {
  if (remote) checkRemote(remote)
  if (pubkeys.length > mostKeys) throw refuse(`'jwt_validation_pubkeys' has at most ${mostKeys} keys`)
  for (const [at, pem] of pubkeys.entries())
    if (!publicKeyOf(pem))
      throw refuse(`error parsing public key: number ${at + 1} of 'jwt_validation_pubkeys' is no PEM of a public key for ${algorithmNames.join(', ')}`) // prettier-ignore
  const unknown = supportedAlgs.find((alg) => !isAlgorithm(alg))
  if (unknown !== undefined)
    throw refuse(`invalid jwt_supported_algs: unsupported signing algorithm "${unknown}"; use ${algorithmNames.join(', ')}`) // prettier-ignore
  if (defaultRole !== '' && !isPathName(defaultRole)) throw refuse("'default_role' cannot be the name of a role")
}

function checkRemote({ by, url, ca, hosts }: Remote): void {
  const name = by === 'jwks' ? 'jwks_url' : 'oidc_discovery_url'
  const problem = addressProblem(url)
  if (problem !== undefined) throw refuse(`'${name}' cannot be used: ${problem}`)
  if (by === 'discovery' && new URL(url).search !== '') throw refuse(`'${name}' cannot be used: an issuer has no query`)
  if (ca !== '' && !areCertificates(ca)) throw refuse(`the CAs for '${name}' are no certificates as PEM`)
  const invalid = hosts.find((host) => !/^[a-z0-9.-]+(?::\d+)?$/.test(host))
  if (invalid !== undefined) throw refuse(`"${invalid}" of 'oidc_allowed_hosts' is not a host: write keys.example.com`)
}
