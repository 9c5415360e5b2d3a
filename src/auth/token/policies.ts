import { refuse } from '../../contract/fault.ts'
import type { Role } from './roles.ts'

/** Policy names as they count: trimmed, lower-cased, once each, sorted. `root` swallows the rest. Normalised before any check (CVE-2025-5999). */
export function normalised(names: readonly string[]): string[] {
  const clean = [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort()
  return clean.includes('root') ? ['root'] : clean
}

interface Asked {
  readonly policies: readonly string[]
  /** They were given, though none may be left of them: then the token gets none, and not those of its maker. */
  readonly named: boolean
  readonly noDefault: boolean
}

/** Who makes a token. */
interface Maker {
  readonly policies: readonly string[]
  readonly sudo: boolean
  /** It comes from a namespace above: its policies are not those of this namespace, even if they are called the same. */
  readonly above: boolean
}

/**
 * The policies of a new token.
 * @throws Fault invalid_request when the caller or the role does not allow them.
 */
export function policiesFor(asked: Asked, maker: Maker, role: Role | undefined): string[] {
  const parent = { ...maker, policies: maker.above ? [] : maker.policies }
  const wanted = normalised(asked.policies)
  const withDefault = !asked.noDefault && !(role?.noDefaultPolicy ?? false)
  const choice = { wanted, named: asked.named, withDefault }
  const taken = role && restricts(role) ? throughRole(choice, parent, role) : freely(choice, parent)
  // What comes from the parent must not bring back what was refused; what the role or the caller names stays.
  const byName = asked.named ? wanted : (role?.allowedPolicies ?? [])
  const dropped = asked.noDefault || (!withDefault && !byName.includes('default'))
  const chosen = normalised(dropped ? taken.filter((name) => name !== 'default') : taken)
  if (chosen.includes('response-wrapping')) throw refuse('cannot assign policy "response-wrapping"')
  if (chosen.includes('root') && maker.above) throw refuse('root tokens may not be created from a parent namespace')
  if (chosen.includes('root') && !parent.policies.includes('root'))
    throw refuse('root tokens may not be created without parent token being root')
  return chosen
}

const restricts = (role: Role): boolean =>
  role.allowedPolicies.length +
    role.allowedGlobs.length +
    role.disallowedPolicies.length +
    role.disallowedGlobs.length >
  0

interface Choice {
  readonly wanted: readonly string[]
  readonly named: boolean
  readonly withDefault: boolean
}

/** The wish, which must lie within the maker's policies unless it has sudo; without a wish those of the maker. */
function freely({ wanted, named, withDefault }: Choice, parent: Maker): readonly string[] {
  const { sudo, above } = parent
  if (!named && !above) return parent.policies
  if (!sudo && !wanted.every((name) => parent.policies.includes(name)))
    throw refuse('child policies must be subset of parent')
  return withDefault && (sudo || parent.policies.includes('default')) ? [...wanted, 'default'] : wanted
}

/** The wish, which must lie within what the role allows, whatever the parent has; without a wish all that the role allows. */
function throughRole({ wanted, named, withDefault }: Choice, parent: Maker, role: Role): readonly string[] {
  const more = withDefault && !denies(role, 'default') ? ['default'] : []
  const limited = role.allowedPolicies.length + role.allowedGlobs.length > 0
  const allowed = [...role.allowedPolicies, ...more]
  const outside = wanted.find(
    (name) => limited && !allowed.includes(name) && !role.allowedGlobs.some((glob) => fits(glob, name)),
  )
  if (outside !== undefined) throw refuse(`token policy "${outside}" is not among the role's allowed policies`)
  const chosen = named ? wanted : limited ? role.allowedPolicies : parent.policies
  const denied = chosen.find((name) => denies(role, name))
  if (denied !== undefined) throw refuse(`token policy "${denied}" is disallowed by this role`)
  return [...chosen, ...more]
}

const denies = (role: Role, name: string): boolean =>
  role.disallowedPolicies.includes(name) || role.disallowedGlobs.some((glob) => fits(glob, name))

/** `a*`, `*a`, `*a*` and `a*b`. */
export function fits(glob: string, name: string): boolean {
  const parts = glob.split('*')
  if (parts.length === 1) return glob === name
  let at = 0
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1
    const found = last ? name.length - part.length : name.indexOf(part, at)
    if (found < at || (index === 0 && found !== 0) || (last && !name.endsWith(part))) return false
    at = found + part.length
  }
  return true
}
