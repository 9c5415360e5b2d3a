import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { isFlag, isListOf, isOneOf, isText, shapeOf } from '../../util/stored/shape.ts'
import { publicKeyOf } from './public-keys.ts'
import { isRoleName } from './role.ts'
import { algorithmNames } from './token.ts'

/** The configuration of a mount as stored, at `config`. Empty strings and lists: not set. */
export interface Config {
  /** PEM. */
  readonly pubkeys: readonly string[]
  /** The value of `iss` that tokens must have. */
  readonly boundIssuer: string
  /** Empty: all of `algorithmNames`. */
  readonly supportedAlgs: readonly string[]
  /** The role of logins that name none. */
  readonly defaultRole: string
  readonly namespaceInState: boolean
}

const isAlgorithm = isOneOf(...algorithmNames)

/** The shape of that record. */
export const configShape = shapeOf<Config>(
  'the configuration of a JWT mount',
  {
    pubkeys: isListOf((pem) => typeof pem === 'string' && publicKeyOf(pem) !== undefined),
    boundIssuer: isText,
    supportedAlgs: isListOf(isAlgorithm),
    defaultRole: isText,
    namespaceInState: isFlag,
  },
  ({ pubkeys }) => pubkeys.length > 0,
)

/** Where it is stored. */
export const configKey = 'config'

/** Its fields. */
export const configFields = {
  jwt_validation_pubkeys: f.list('Public keys that verify tokens, PEM.'),
  bound_issuer: f.string('The issuer (iss) that tokens must have.').limiting(),
  jwt_supported_algs: f.list(`Signature algorithms to accept: ${algorithmNames.join(', ')}; all when left out.`).limiting(), // prettier-ignore
  default_role: f.string('The role of logins that name none.'),
  namespace_in_state: f.bool('For browser logins of other servers. Stored without further effect.'),
}

/** A new configuration: it replaces the one before. @throws Fault invalid_request */
export function newConfig(values: Values<typeof configFields>): Config {
  const config: Config = {
    pubkeys: values.jwt_validation_pubkeys ?? [],
    boundIssuer: values.bound_issuer ?? '',
    supportedAlgs: values.jwt_supported_algs ?? [],
    defaultRole: (values.default_role ?? '').toLowerCase(),
    namespaceInState: values.namespace_in_state ?? true,
  }
  checkConfig(config)
  return config
}

/** Each is tried for every token without a key id. */
const mostKeys = 64

function checkConfig({ pubkeys, supportedAlgs, defaultRole }: Config): void {
  if (pubkeys.length === 0) throw refuse("'jwt_validation_pubkeys' must be set: without a key no token can be verified")
  if (pubkeys.length > mostKeys) throw refuse(`'jwt_validation_pubkeys' has at most ${mostKeys} keys`)
  for (const [at, pem] of pubkeys.entries())
    if (!publicKeyOf(pem))
      throw refuse(`error parsing public key: number ${at + 1} of 'jwt_validation_pubkeys' is no PEM of a public key for ${algorithmNames.join(', ')}`) // prettier-ignore
  const unknown = supportedAlgs.find((alg) => !isAlgorithm(alg))
  if (unknown !== undefined)
    throw refuse(`invalid jwt_supported_algs: unsupported signing algorithm "${unknown}"; use ${algorithmNames.join(', ')}`) // prettier-ignore
  if (defaultRole !== '' && !isRoleName(defaultRole)) throw refuse("'default_role' cannot be the name of a role")
}

/** A configuration as its route shows it. */
export const rendered = (config: Config): Readonly<Record<string, unknown>> => ({
  jwt_validation_pubkeys: config.pubkeys,
  bound_issuer: config.boundIssuer,
  jwt_supported_algs: config.supportedAlgs,
  default_role: config.defaultRole,
  namespace_in_state: config.namespaceInState,
  status: 'valid',
})
