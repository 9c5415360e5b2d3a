import { isObject } from '../../util/stored/shape.ts'
import { ProviderError } from '../../util/http/provider.ts'
import type { Provider } from '../../util/http/provider.ts'

/** How the API server is reached. */
export interface Access {
  readonly host: string
  /** PEM of the CAs to trust. */
  readonly ca: string
  /** The token for requests of the server. */
  readonly bearer: string
}

/** The user that a token authenticates, as the API server has it. */
interface Reviewed {
  readonly username: string
  readonly uid: string
}

/**
 * Reviews a token (`TokenReview` of `authentication.k8s.io/v1`).
 * @param audience that the token must be for; empty: the API server itself
 * @returns undefined when the token is not valid
 * @throws ProviderError
 */
export async function review(
  provider: Provider,
  access: Access,
  jwt: string,
  audience: string,
): Promise<Reviewed | undefined> {
  const response = await provider.json({
    url: `${access.host.replace(/\/$/, '')}/apis/authentication.k8s.io/v1/tokenreviews`,
    ca: access.ca,
    headers: { Authorization: `Bearer ${access.bearer}` },
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: jwt, ...(audience !== '' && { audiences: [audience] }) },
    },
  })
  const { kind, status } = isObject(response) ? response : {}
  if (kind !== 'TokenReview' || !isObject(status)) throw new ProviderError('the response is no TokenReview')
  return userOf(status, audience)
}

function userOf(status: Readonly<Record<string, unknown>>, audience: string): Reviewed | undefined {
  const { authenticated, error, audiences, user } = status
  if (authenticated !== true || (error !== undefined && error !== '')) return undefined
  // A server without support for audiences would accept a token for another recipient.
  if (audience !== '' && !(Array.isArray(audiences) && audiences.includes(audience))) return undefined
  const { username, uid } = isObject(user) ? user : {}
  return typeof username === 'string' && typeof uid === 'string' ? { username, uid } : undefined
}

/** The labels of a namespace. @throws ProviderError */
export async function labelsOf(
  provider: Provider,
  { host, ca, bearer }: Access,
  namespace: string,
): Promise<ReadonlyMap<string, unknown>> {
  const response = await provider.json({
    url: `${host.replace(/\/$/, '')}/api/v1/namespaces/${encodeURIComponent(namespace)}`,
    ca,
    headers: { Authorization: `Bearer ${bearer}` },
  })
  const { kind, metadata } = isObject(response) ? response : {}
  const { name, labels = {} } = isObject(metadata) ? metadata : {}
  if (kind !== 'Namespace' || name !== namespace || !isObject(labels))
    throw new ProviderError('the response is not the namespace that was asked for')
  return new Map(Object.entries(labels))
}
