import type { View } from '../../../../../contract/view.ts'
import { isCount, isFlag, isListOf, isName, isOneOf, isText, shapeOf } from '../../../../../util/stored/shape.ts'
import { allIn } from '../../all-in.ts'

/** An application whose users log in here, stored at `oidc-client/<name>`. TTLs in seconds. */
export interface OidcClient {
  readonly id: string
  readonly type: 'confidential' | 'public'
  /** '' for public clients. */
  readonly secret: string
  /** The name of the signing key. */
  readonly key: string
  readonly redirectUris: readonly string[]
  readonly assignments: readonly string[]
  readonly idTokenTtl: number
  readonly accessTokenTtl: number
  /** The grants that it may use. */
  readonly authorizationCode: boolean
  readonly clientCredentials: boolean
}

/** The shape of the stored record. */
export const clientShape = shapeOf<OidcClient>(
  'an OIDC client',
  {
    id: isName,
    type: isOneOf('confidential', 'public'),
    secret: isText,
    key: isName,
    redirectUris: isListOf(isName),
    assignments: isListOf(isName),
    idTokenTtl: isCount,
    accessTokenTtl: isCount,
    authorizationCode: isFlag,
    clientCredentials: isFlag,
  },
  // An empty secret would be known to everyone.
  ({ type, secret }) => (type === 'public') === (secret === ''),
)

/** All clients, by name. */
export const clientsOf = async (view: View): Promise<readonly (readonly [name: string, client: OidcClient])[]> =>
  allIn(view, 'oidc-client/', clientShape)
