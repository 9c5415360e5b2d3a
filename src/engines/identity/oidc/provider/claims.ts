import type { Principal } from '../../../../contract/identity.ts'
import type { View } from '../../../../contract/view.ts'
import { atOidc } from '../names.ts'
import { readTemplate } from '../templates.ts'
import { scopeShape } from './settings/records.ts'
import type { OidcProvider } from './settings/records.ts'

/** A conflict: two scopes that set the same claim. */
interface Conflict {
  readonly claim: string
  readonly scopes: readonly [string, string]
}

/** The claims of scopes, or the conflict between them. */
type ScopeClaims = { readonly claims: Readonly<Record<string, unknown>> } | { readonly conflict: Conflict }

/** The claims of those scopes that the provider has; others are ignored. @param now epoch seconds */
export async function claimsOfScopes(
  view: View,
  provider: OidcProvider,
  scopes: readonly string[],
  values: { readonly principal: Principal; readonly now: number },
): Promise<ScopeClaims> {
  const asked = scopes.filter((scope) => provider.scopes.includes(scope))
  const conflict = await conflictIn(view, asked)
  if (conflict) return { conflict }
  const claims: Record<string, unknown> = {}
  for (const name of asked) {
    const scope = await view.get(atOidc.scope(name), scopeShape)
    if (scope) Object.assign(claims, readTemplate(scope.template).claims(values))
  }
  return { claims }
}

/** The first claim that two of the scopes set. */
export async function conflictIn(view: Pick<View, 'get'>, scopes: readonly string[]): Promise<Conflict | undefined> {
  const owners = new Map<string, string>()
  for (const name of new Set(scopes)) {
    const scope = await view.get(atOidc.scope(name), scopeShape)
    for (const claim of scope ? readTemplate(scope.template).names : []) {
      const other = owners.get(claim)
      if (other !== undefined) return { claim, scopes: [name, other] }
      owners.set(claim, name)
    }
  }
  return undefined
}
