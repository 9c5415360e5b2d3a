import { addressProblem } from '../../util/http/provider.ts'
import { isFlag, isListOf, isName, isText, shapeOf } from '../../util/stored/shape.ts'

/** The configuration of a mount as stored, at `config`. Empty strings and lists: not set. */
export interface Config {
  /** The address of the API server. */
  readonly host: string
  /** PEM of the CAs of the API server; empty: that of the pod. */
  readonly ca: string
  /** The token for reviews; empty: that of the pod, otherwise the token of the login itself. */
  readonly reviewerJwt: string
  /** Public keys that verify signatures before the review, PEM. */
  readonly pemKeys: readonly string[]
  readonly issuer: string
  readonly disableIssValidation: boolean
  readonly disableLocalCaJwt: boolean
}

/** Whether a string can be sent as a bearer token (RFC 6750). */
export const isBearer = (value: unknown): boolean => typeof value === 'string' && /^[\w.~+/-]{1,65536}=*$/.test(value)

/** The shape of that record. Keys and certificates were parsed when they were set. */
export const configShape = shapeOf<Config>('the configuration of a Kubernetes mount', {
  host: (host) => typeof host === 'string' && addressProblem(host) === undefined,
  ca: isText,
  reviewerJwt: (jwt) => jwt === '' || isBearer(jwt),
  pemKeys: isListOf(isName),
  issuer: isText,
  disableIssValidation: isFlag,
  disableLocalCaJwt: isFlag,
})

/** Where it is stored. */
export const configKey = 'config'

/** The issuer that tokens must have; undefined: none is demanded. Without one it is that of tokens before Kubernetes 1.21. */
export const issuerOf = ({ issuer, disableIssValidation }: Config): string | undefined =>
  disableIssValidation ? undefined : issuer || 'kubernetes/serviceaccount'

/** The response for a configuration. */
export const rendered = (config: Config): Readonly<Record<string, unknown>> => ({
  kubernetes_host: config.host,
  kubernetes_ca_cert: config.ca,
  token_reviewer_jwt_set: config.reviewerJwt !== '',
  pem_keys: config.pemKeys,
  issuer: config.issuer,
  disable_iss_validation: config.disableIssValidation,
  disable_local_ca_jwt: config.disableLocalCaJwt,
})
