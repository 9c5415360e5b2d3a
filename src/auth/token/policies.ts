import { refuse } from '../../contract/fault.ts'
import { normalisedPolicies } from '../../contract/token-params.ts'
import { fitsGlob } from '../../util/glob.ts'
import type { Role } from './role.ts'

/** The requested policies. */
interface RequestedPolicies {
  readonly policies: readonly string[]
  /** Whether the request has policies. If none of them remain the token gets none, and not those of its creator. */
  readonly named: boolean
  readonly noDefault: boolean
}

/** The caller that creates a token. */
interface Creator {
  readonly policies: readonly string[]
  readonly sudo: boolean
  /** The caller is from a parent namespace: its policies are not those of this namespace, even if they have the same names. */
  readonly above: boolean
}

/**
 * The policies of a new token.
 * @throws Fault invalid_request when the caller or the role does not allow them.
 */
export function policiesFor(requested: RequestedPolicies, creator: Creator, role: Role | undefined): string[] {
  const parent = { ...creator, policies: creator.above ? [] : creator.policies }
  const names = normalisedPolicies(requested.policies)
  const withDefault = !requested.noDefault && !(role?.noDefaultPolicy ?? false)
  const choice = { names, named: requested.named, withDefault }
  const chosen = role && restricts(role) ? throughRole(choice, parent, role) : freely(choice, parent)
  // The parent's policies must not add the default policy again. If the role or the caller names it, it stays.
  const byName = requested.named ? names : (role?.allowedPolicies ?? [])
  const dropsDefault = requested.noDefault || (!withDefault && !byName.includes('default'))
  const assigned = normalisedPolicies(dropsDefault ? chosen.filter((name) => name !== 'default') : chosen)
  refuseReserved(assigned, parent)
  return assigned
}

function refuseReserved(assigned: readonly string[], parent: Creator): void {
  if (assigned.includes('response-wrapping')) throw refuse('cannot assign policy "response-wrapping"')
  if (!assigned.includes('root')) return
  if (parent.above) throw refuse('root tokens may not be created from a parent namespace')
  if (!parent.policies.includes('root')) throw refuse('root tokens may not be created without parent token being root')
}

const restricts = (role: Role): boolean =>
  role.allowedPolicies.length +
    role.allowedGlobs.length +
    role.disallowedPolicies.length +
    role.disallowedGlobs.length >
  0

interface Choice {
  readonly names: readonly string[]
  readonly named: boolean
  readonly withDefault: boolean
}

/** The requested policies, which must be among the creator's unless it has sudo; by default those of the creator. */
function freely({ names, named, withDefault }: Choice, parent: Creator): readonly string[] {
  const { sudo, above } = parent
  if (!named && !above) return parent.policies
  if (!sudo && !names.every((name) => parent.policies.includes(name)))
    throw refuse('child policies must be subset of parent')
  return withDefault && (sudo || parent.policies.includes('default')) ? [...names, 'default'] : names
}

/** The requested policies, which the role must allow, regardless of the parent's; by default all that the role allows. */
function throughRole({ names, named, withDefault }: Choice, parent: Creator, role: Role): readonly string[] {
  const more = withDefault && !denies(role, 'default') ? ['default'] : []
  const limited = role.allowedPolicies.length + role.allowedGlobs.length > 0
  const allowed = [...role.allowedPolicies, ...more]
  const outside = names.find(
    (name) => limited && !allowed.includes(name) && !role.allowedGlobs.some((glob) => fitsGlob(glob, name)),
  )
  if (outside !== undefined) throw refuse(`token policy "${outside}" is not among the role's allowed policies`)
  const chosen = named ? names : limited ? role.allowedPolicies : parent.policies
  const denied = chosen.find((name) => denies(role, name))
  if (denied !== undefined) throw refuse(`token policy "${denied}" is disallowed by this role`)
  return [...chosen, ...more]
}

const denies = (role: Role, name: string): boolean =>
  role.disallowedPolicies.includes(name) || role.disallowedGlobs.some((glob) => fitsGlob(glob, name))
