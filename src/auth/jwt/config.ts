import { hasMembers, isFlag, isListOf, isName, isOneOf, isText, orAbsent, shapeOf } from '../../util/stored/shape.ts'
import { addressProblem } from '../../util/http/provider.ts'
import { algorithmNames } from '../../crypto/jwt/token.ts'

/** Where the keys of an issuer are fetched from. */
export interface Remote {
  /** A key set, or the issuer whose discovery document has its URL. */
  readonly by: 'jwks' | 'discovery'
  readonly url: string
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
  /** Other hosts that the discovery document may name. */
  readonly hosts: readonly string[]
}

/** The mount as a client of the provider, for logins in a browser. */
export interface Client {
  readonly id: string
  readonly secret: string
  /** Empty: as the provider likes, which is in the query. */
  readonly responseMode: '' | 'query' | 'form_post'
  readonly responseTypes: readonly 'code'[]
}

/** The configuration of a mount as stored, at `config`. Empty strings and lists: not set. */
export interface Config {
  /** PEM. Empty when the keys are fetched. */
  readonly pubkeys: readonly string[]
  readonly remote?: Remote
  /** Only with a discovery document. */
  readonly client?: Client
  /** The value of `iss` that tokens must have. */
  readonly boundIssuer: string
  /** Empty: all of `algorithmNames`. */
  readonly supportedAlgs: readonly string[]
  /** The role of logins that name none. */
  readonly defaultRole: string
  readonly namespaceInState: boolean
}

/** Whether a mount can accept this algorithm. */
export const isAlgorithm = isOneOf(...algorithmNames)

const isRemote = (value: unknown): boolean =>
  hasMembers<Remote>(value, {
    by: isOneOf('jwks', 'discovery'),
    url: (url) => typeof url === 'string' && addressProblem(url) === undefined,
    ca: isText,
    hosts: isListOf(isName),
  })

const isClient = (value: unknown): boolean =>
  hasMembers<Client>(value, {
    id: isName,
    secret: isName,
    responseMode: isOneOf('', 'query', 'form_post'),
    responseTypes: isListOf(isOneOf('code')),
  })

/** The shape of that record. Keys and certificates were parsed when they were set; invalid ones verify nothing. */
export const configShape = shapeOf<Config>(
  'the configuration of a JWT mount',
  {
    pubkeys: isListOf(isName),
    remote: orAbsent(isRemote),
    client: orAbsent(isClient),
    boundIssuer: isText,
    supportedAlgs: isListOf(isAlgorithm),
    defaultRole: isText,
    namespaceInState: isFlag,
  },
  ({ pubkeys, remote, client }) =>
    pubkeys.length > 0 !== (remote !== undefined) && (client === undefined || remote?.by === 'discovery'),
)

/** Where it is stored. */
export const configKey = 'config'

/** The issuer that tokens must have; empty: none is demanded. */
export const issuerOf = ({ boundIssuer, remote }: Config): string =>
  boundIssuer === '' && remote?.by === 'discovery' ? remote.url : boundIssuer

const noClient: Client = { id: '', secret: '', responseMode: '', responseTypes: [] }

/** The response for a configuration. */
export function rendered({ remote, client = noClient, ...config }: Config): Readonly<Record<string, unknown>> {
  const [jwks, discovery] = ['jwks', 'discovery'].map((by) => (remote?.by === by ? remote : undefined))
  return {
    jwt_validation_pubkeys: config.pubkeys,
    jwks_url: jwks?.url ?? '',
    jwks_ca_pem: jwks?.ca ?? '',
    oidc_discovery_url: discovery?.url ?? '',
    oidc_discovery_ca_pem: discovery?.ca ?? '',
    ...(discovery && discovery.hosts.length > 0 && { oidc_allowed_hosts: discovery.hosts }),
    oidc_client_id: client.id,
    oidc_response_mode: client.responseMode,
    oidc_response_types: client.responseTypes,
    override_allowed_server_names: [],
    provider_config: {},
    bound_issuer: config.boundIssuer,
    jwt_supported_algs: config.supportedAlgs,
    default_role: config.defaultRole,
    namespace_in_state: config.namespaceInState,
    status: 'valid',
  }
}
