import type { Transaction, View } from '../../../../../contract/view.ts'
import { isListOf, isName, isText, orAbsent, shapeOf } from '../../../../../util/stored/shape.ts'
import { allIn } from '../../all-in.ts'
import { atOidc, everyone } from '../../names.ts'

/** A set of claims that a client can ask for, at `oidc-scope/<name>`. */
interface Scope {
  readonly description: string
  readonly template: string
}

/** Those who may log in to a client, at `oidc-assignment/<name>`. Ids. */
interface Assignment {
  readonly entities: readonly string[]
  readonly groups: readonly string[]
}

/** An OpenID provider, at `oidc-provider/<name>`. */
export interface OidcProvider {
  /** Another provider under its name has another one. Absent: `default`, and those of releases before it. */
  readonly id?: string
  /** Scheme, host and port; '' : those of the server. */
  readonly issuer: string
  /** The ids of the clients that may use it; `*`: each. */
  readonly allowedClients: readonly string[]
  /** The names of its scopes, besides `openid`. */
  readonly scopes: readonly string[]
}

/** The shapes of these records. */
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

/** The name of the provider that every namespace has. */
export const defaultProviderName = 'default'

const defaultProvider: OidcProvider = { issuer: '', allowedClients: [everyone], scopes: [] }

/** The name of the assignment of everyone, which every namespace has. */
export const allowAllName = 'allow_all'

const allowAll: Assignment = { entities: [everyone], groups: [everyone] }

type Reader = Pick<View, 'get'> | Transaction

/** A provider; `default` is always there. */
export async function providerNamed(view: Reader, name: string): Promise<OidcProvider | undefined> {
  const stored = await view.get(atOidc.provider(name), providerShape)
  return stored ?? (name === defaultProviderName ? defaultProvider : undefined)
}

/** All providers by name. */
export async function providersOf(view: View): Promise<readonly (readonly [name: string, provider: OidcProvider])[]> {
  const stored = await allIn(view, 'oidc-provider/', providerShape)
  return stored.some(([name]) => name === defaultProviderName)
    ? stored
    : [[defaultProviderName, defaultProvider], ...stored]
}

/** An assignment; `allow_all` is always there. */
export async function assignmentNamed(view: Reader, name: string): Promise<Assignment | undefined> {
  return name === allowAllName ? allowAll : view.get(atOidc.assignment(name), assignmentShape)
}

/** Whether a client may use a provider. */
export const allowsClient = ({ allowedClients }: OidcProvider, id: string): boolean =>
  allowedClients.includes(everyone) || allowedClients.includes(id)
