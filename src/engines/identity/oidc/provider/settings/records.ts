import type { Transaction, View } from '../../../../../contract/view.ts'
import { isListOf, isName, isText, orAbsent, shapeOf } from '../../../../../util/stored/shape.ts'
import { allIn } from '../../all-in.ts'
import { atOidc, everyone } from '../../names.ts'

/** A set of claims that a client can request, stored at `oidc-scope/<name>`. */
interface Scope {
  readonly description: string
  readonly template: string
}

/** The ids of entities and groups that may log in to a client, stored at `oidc-assignment/<name>`. */
interface Assignment {
  readonly entities: readonly string[]
  readonly groups: readonly string[]
}

/** An OpenID provider, stored at `oidc-provider/<name>`. */
export interface OidcProvider {
  /** Unique, so that a later provider of the same name differs. Absent: `default`, and providers of earlier releases. */
  readonly id?: string
  /** Scheme, host and port; '' : those of the server. */
  readonly issuer: string
  /** The ids of the clients that may use it; `*`: all. */
  readonly allowedClients: readonly string[]
  /** The names of its scopes, in addition to `openid`. */
  readonly scopes: readonly string[]
}

/** The shapes of the stored records. */
export const scopeShape = shapeOf<Scope>('an OIDC scope', { description: isText, template: isText })
export const assignmentShape = shapeOf<Assignment>('an OIDC assignment', {
  entities: isListOf(isName),
  groups: isListOf(isName),
})
export const providerShape = shapeOf<OidcProvider>('an OIDC provider', {
  id: orAbsent(isName),
  issuer: isText,
  allowedClients: isListOf(isName),
  scopes: isListOf(isName),
})

/** The name of the provider that exists in every namespace. */
export const defaultProviderName = 'default'

const defaultProvider: OidcProvider = { issuer: '', allowedClients: [everyone], scopes: [] }

/** The name of the assignment of every user, which exists in every namespace. */
export const allowAllName = 'allow_all'

const allowAll: Assignment = { entities: [everyone], groups: [everyone] }

type Reader = Pick<View, 'get'> | Transaction

/** A provider; `default` always exists. */
export async function providerNamed(view: Reader, name: string): Promise<OidcProvider | undefined> {
  const stored = await view.get(atOidc.provider(name), providerShape)
  return stored ?? (name === defaultProviderName ? defaultProvider : undefined)
}

/** All providers, by name. */
export async function providersOf(view: View): Promise<readonly (readonly [name: string, provider: OidcProvider])[]> {
  const stored = await allIn(view, 'oidc-provider/', providerShape)
  return stored.some(([name]) => name === defaultProviderName)
    ? stored
    : [[defaultProviderName, defaultProvider], ...stored]
}

/** An assignment; `allow_all` always exists. */
export async function assignmentNamed(view: Reader, name: string): Promise<Assignment | undefined> {
  return name === allowAllName ? allowAll : view.get(atOidc.assignment(name), assignmentShape)
}

/** Whether a client may use a provider. */
export const allowsClient = ({ allowedClients }: OidcProvider, id: string): boolean =>
  allowedClients.includes(everyone) || allowedClients.includes(id)
