import { refuse } from '../../contract/fault.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import type { Role } from './roles.ts'

/** Policy names as they count: trimmed, lower-cased, once each, sorted. `root` swallows the rest. Normalised before any check (CVE-2025-5999). */
export function normalised(names: readonly string[]): string[] {
  const clean = [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort()
  return clean.includes('root') ? ['root'] : clean
}

interface Asked {
  readonly policies: readonly string[]
  readonly noDefault: boolean
}

/**
 * The policies of a new token.
 * @throws Fault invalid_request when the caller or the role does not allow them.
 */
export function policiesFor(asked: Asked, parent: TokenRecord, sudo: boolean, role: Role | undefined): string[] {
  const wanted = normalised(asked.policies)
  const given = asked.noDefault ? wanted.filter((name) => name !== 'default') : wanted
  if (given.includes('response-wrapping')) throw refuse('cannot assign policy "response-wrapping"')
  const noDefault = asked.noDefault || (role?.noDefaultPolicy ?? false)
  const taken = role && restricts(role) ? throughRole(given, parent, role) : freely(given, parent, sudo)
  // What comes from the parent or the role must not bring back what was refused.
  const chosen = noDefault && !given.includes('default') ? taken.filter((name) => name !== 'default') : taken
  if (chosen.includes('root') && !parent.policies.includes('root'))
    throw refuse('root tokens may not be created without parent token being root')
  const wantsDefault = !noDefault && !(role && denies(role, 'default'))
  const mayHaveDefault =
    (sudo && given.length > 0) ||
    role !== undefined ||
    parent.policies.includes('default') ||
    parent.policies.includes('root')
  return normalised(wantsDefault && mayHaveDefault && !chosen.includes('root') ? [...chosen, 'default'] : chosen)
}

const restricts = (role: Role): boolean =>
  role.allowedPolicies.length +
    role.allowedGlobs.length +
    role.disallowedPolicies.length +
    role.disallowedGlobs.length >
  0

function freely(given: readonly string[], parent: TokenRecord, sudo: boolean): readonly string[] {
  if (given.length === 0) return parent.policies
  if (!sudo && !given.every((name) => parent.policies.includes(name)))
    throw refuse('child policies must be subset of parent')
  return given
}

function throughRole(given: readonly string[], parent: TokenRecord, role: Role): readonly string[] {
  const allows = role.allowedPolicies.length + role.allowedGlobs.length > 0
  const chosen = given.length > 0 ? given : allows ? role.allowedPolicies : parent.policies
  const outside = allows
    ? chosen.find(
        (name) =>
          name !== 'default' &&
          !role.allowedPolicies.includes(name) &&
          !role.allowedGlobs.some((glob) => fits(glob, name)),
      )
    : undefined
  if (outside !== undefined)
    throw refuse(`token policies (${chosen.join(', ')}) must be among the role's allowed policies`)
  const denied = chosen.find((name) => denies(role, name))
  if (denied !== undefined && (denied !== 'default' || given.includes('default')))
    throw refuse(`token policy "${denied}" is disallowed by this role`)
  return chosen.filter((name) => name !== 'default' || !denies(role, 'default'))
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
