import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { areCertificates } from '../../crypto/encoding/pem.ts'
import { publicKeyOf } from '../../crypto/jwt/public-keys.ts'
import { addressProblem } from '../../util/http/provider.ts'
import { configKey, configShape, isBearer, rendered } from './config.ts'
import type { Config } from './config.ts'
import type { Kubernetes } from './mount.ts'

const { read, write } = routesOf<Kubernetes>()

const shownFields = {
  kubernetes_host: f.string('The address of the API server, such as https://10.0.0.1:6443.'),
  kubernetes_ca_cert: f.string('The CAs of the API server, PEM. Default: that of the pod.').limiting(),
  pem_keys: f.list('Public keys that verify the signatures of tokens before the review, PEM.').limiting(),
  issuer: f.string('The issuer (iss) that tokens must have, unless disable_iss_validation is true.').limiting(),
  disable_iss_validation: f.bool('Tokens may have any issuer that the API server accepts.').initially(true),
  disable_local_ca_jwt: f.bool('Do not use the certificates and the token of the pod that this server runs in.').initially(false),
} // prettier-ignore

const configFields = {
  ...shownFields,
  token_reviewer_jwt: f.string('The token for reviews. Default: that of the pod, otherwise that of the login itself.').secret(),
} // prettier-ignore

/** `config`. */
export const configRoutes = [
  read('config', {
    about: 'Read the configuration.',
    returns: { ...shownFields, token_reviewer_jwt_set: f.bool('Whether token_reviewer_jwt is set.') },
    handle: async ({ engine }) => {
      const config = await engine.view.get(configKey, configShape)
      if (!config) throw new Fault('not_found', 'no configuration')
      return answer(rendered(config))
    },
  }),
  write('config', {
    about: 'Replace the configuration.',
    fields: configFields,
    handle: async ({ engine }, values) => {
      const config = newConfig(values)
      if (config.ca === '' && (await engine.pod.ca()) === undefined)
        throw refuse('kubernetes_ca_cert must be given: this server has no certificates of a pod')
      await engine.view.put(configKey, config)
      return done()
    },
  }),
]

/** A new configuration: it replaces the one before. @throws Fault invalid_request */
function newConfig(values: Values<typeof configFields>): Config {
  const config: Config = {
    host: values.kubernetes_host ?? '',
    ca: values.kubernetes_ca_cert ?? '',
    reviewerJwt: (values.token_reviewer_jwt ?? '').trim(),
    pemKeys: values.pem_keys ?? [],
    issuer: values.issuer ?? '',
    disableIssValidation: values.disable_iss_validation ?? true,
    disableLocalCaJwt: values.disable_local_ca_jwt ?? false,
  }
  checkHost(config)
  if (values.token_reviewer_jwt && !isBearer(config.reviewerJwt))
    throw refuse("'token_reviewer_jwt' is no token: it has characters that no header can have, or none")
  checkKeys(config.pemKeys)
  return config
}

function checkHost({ host, ca, disableLocalCaJwt }: Config): void {
  if (host === '') throw refuse('no host provided')
  const problem = addressProblem(host)
  if (problem !== undefined) throw refuse(`'kubernetes_host' cannot be used: ${problem}`)
  if (new URL(host).search !== '') throw refuse("'kubernetes_host' cannot be used: it has a query")
  if (ca === '' && disableLocalCaJwt) throw refuse('kubernetes_ca_cert must be given when disable_local_ca_jwt is true')
  if (ca !== '' && !areCertificates(ca)) throw refuse("'kubernetes_ca_cert' has no certificates as PEM")
}

/** Each is tried for every token. */
const mostKeys = 64

function checkKeys(pemKeys: readonly string[]): void {
  if (pemKeys.length > mostKeys) throw refuse(`'pem_keys' has at most ${mostKeys} keys`)
  for (const [at, pem] of pemKeys.entries())
    if (!publicKeyOf(pem))
      throw refuse(`data does not contain any valid public keys: number ${at + 1} of 'pem_keys' is no PEM of an RSA or EC key that tokens are signed with`) // prettier-ignore
}
