import type { View } from '../../../../contract/view.ts'
import { isCount, isName, isText, shapeOf } from '../../../../util/stored/shape.ts'
import { allIn } from '../all-in.ts'

/** A role of identity tokens, stored at `oidc-role/<name>`. */
export interface OidcRole {
  /** The name of the signing key. */
  readonly key: string
  /** '' : no claims in addition to the standard ones. */
  readonly template: string
  /** Seconds. */
  readonly ttl: number
  /** The audience of its tokens. */
  readonly clientId: string
}

/** The shape of the stored record. */
export const roleShape = shapeOf<OidcRole>('a role of identity tokens', {
  key: isName,
  template: isText,
  ttl: isCount,
  clientId: isName,
})

/** All roles, by name. */
export const rolesOf = async (view: View): Promise<readonly (readonly [name: string, role: OidcRole])[]> =>
  allIn(view, 'oidc-role/', roleShape)
