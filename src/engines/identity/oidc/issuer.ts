import { refuse } from '../../../contract/fault.ts'
import type { View } from '../../../contract/view.ts'
import { isText, shapeOf } from '../../../util/stored/shape.ts'
import type { Identity } from '../identity.ts'
import { atOidc } from './names.ts'

interface Config {
  /** `https://host:port`; '' : the address of the server. */
  readonly issuer: string
}

const configShape = shapeOf<Config>('the settings of identity tokens', { issuer: isText })

/** The configured issuer; '' if there is none. */
export async function configuredIssuer(view: Pick<View, 'get'>): Promise<string> {
  return (await view.get(atOidc.config, configShape))?.issuer ?? ''
}

/** @throws Fault invalid_request */
export async function configureIssuer(view: View, issuer: string): Promise<void> {
  await view.put(atOidc.config, { issuer: checkedIssuer(issuer) } satisfies Config)
}

/** @throws Fault invalid_request unless it is empty, or only scheme, host and port */
export function checkedIssuer(issuer: string): string {
  const isUrl = /^https?:\/\/[^\s/?#@\\]+$/.test(issuer) && URL.canParse(issuer)
  if (issuer !== '' && !isUrl)
    throw refuse('invalid issuer, which must include only a scheme, host, and optional port (e.g. https://example.com:8200)') // prettier-ignore
  return issuer
}

/** The issuer of identity tokens of this namespace. @throws Fault invalid_request if neither the issuer nor the address of the server is configured */
export async function tokenIssuer(identity: Identity): Promise<string> {
  return pathUrl(identity, await configuredIssuer(identity.view))
}

/**
 * The URL of `identity/oidc` of a namespace.
 * @param base the configured scheme, host and port; '' : those of the server
 * @param root `v1` for the API, `ui/vault` for pages
 * @throws Fault invalid_request if neither is configured
 */
export function pathUrl(identity: Identity, base: string, root: 'v1' | 'ui/vault' = 'v1'): string {
  const url = urlOrEmpty(identity, base, root)
  if (url === '')
    throw refuse('the issuer is not configured: set issuer in identity/oidc/config or for the provider, or api_addr in the configuration of the server') // prettier-ignore
  return url
}

/** The same; '' if neither is configured. */
export function urlOrEmpty({ apiAddress, path }: Identity, base: string, root = 'v1'): string {
  const address = base || apiAddress().replace(/\/+$/, '')
  const namespace = path().split('/').map(encodeURIComponent).join('/')
  return address === '' ? '' : `${address}/${root}/${namespace}identity/oidc`
}

/** The warning for an explicit issuer. */
export const issuerWarning =
  'If "issuer" is set explicitly, all tokens must be validated against that address. Setting issuer to "" will restore the default behavior of using the api_addr of the server as the issuer.'
