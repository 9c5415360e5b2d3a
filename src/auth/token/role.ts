import { refuse } from '../../contract/fault.ts'
import type { View } from '../../contract/view.ts'
import { parseCidr } from '../../util/cidr.ts'
import {
  isCount,
  isFlag,
  isListOf,
  isName,
  isOneOf,
  isText,
  orAbsent,
  orNull,
  shapeOf,
} from '../../util/stored/shape.ts'

/** A role: the limits of the tokens that are created through it. TTLs in seconds. */
export interface Role {
  readonly name: string
  readonly allowedPolicies: readonly string[]
  readonly allowedGlobs: readonly string[]
  readonly disallowedPolicies: readonly string[]
  readonly disallowedGlobs: readonly string[]
  readonly orphan: boolean
  readonly renewable: boolean
  readonly pathSuffix: string
  readonly period: number
  readonly explicitMaxTtl: number
  readonly tokenType: string
  readonly noDefaultPolicy: boolean
  readonly numUses: number
  readonly boundCidrs: readonly string[]
  /** Values that were set under their older names are shown under those as well. */
  readonly oldPeriod: number
  readonly oldExplicitMaxTtl: number
  readonly oldBoundCidrs?: boolean
  readonly allowedEntityAliases: readonly string[] | null
}

/** The types that the tokens of a role may have. */
export const tokenTypes = ['service', 'batch', 'default-service', 'default-batch'] as const

/** The shape of a stored role. */
export const roleShape = shapeOf<Role>(
  'a role',
  {
    name: isName,
    allowedPolicies: isListOf(isText),
    allowedGlobs: isListOf(isText),
    disallowedPolicies: isListOf(isText),
    disallowedGlobs: isListOf(isText),
    orphan: isFlag,
    renewable: isFlag,
    pathSuffix: isText,
    period: isCount,
    explicitMaxTtl: isCount,
    tokenType: isOneOf(...tokenTypes),
    noDefaultPolicy: isFlag,
    numUses: isCount,
    boundCidrs: isListOf((cidr) => typeof cidr === 'string' && parseCidr(cidr) !== undefined),
    oldPeriod: isCount,
    oldExplicitMaxTtl: isCount,
    oldBoundCidrs: orAbsent(isFlag),
    allowedEntityAliases: orNull(isListOf(isText)),
  },
  (role) => {
    try {
      mustBeRole(role)
      return true
    } catch {
      return false
    }
  },
)

/** A role without settings. */
export const empty: Omit<Role, 'name'> = {
  allowedPolicies: [],
  allowedGlobs: [],
  disallowedPolicies: [],
  disallowedGlobs: [],
  orphan: false,
  renewable: true,
  pathSuffix: '',
  period: 0,
  explicitMaxTtl: 0,
  tokenType: 'default-service',
  noDefaultPolicy: false,
  numUses: 0,
  boundCidrs: [],
  oldPeriod: 0,
  oldExplicitMaxTtl: 0,
  allowedEntityAliases: null,
}

/** A role, or undefined. */
export async function roleNamed(view: View, name: string): Promise<Role | undefined> {
  return view.get(`role/${name}`, roleShape)
}

/** @throws Fault invalid_request for what no role can be. */
export function mustBeRole(role: Role): void {
  if (role.pathSuffix !== '' && (!/^\w[\w.-]+\w$/.test(role.pathSuffix) || role.pathSuffix.includes('..')))
    throw refuse('path_suffix has three characters or more: letters, digits, "_" and, inside, "-" and single "."')
  if (role.numUses < 0) throw refuse('token_num_uses cannot be negative: 0 stands for no limit')
  if (role.tokenType === 'batch') refuseForBatch(role)
}

function refuseForBatch(role: Role): void {
  if (!role.orphan)
    throw refuse("'token_type' cannot be 'batch' when the role makes tokens with a parent: set orphan to true")
  if (role.renewable)
    throw refuse("'token_type' cannot be 'batch' when the role makes renewable tokens: set renewable to false")
  if (role.explicitMaxTtl > 0)
    throw refuse(
      "'token_type' cannot be 'batch' when 'token_explicit_max_ttl' is set: batch tokens have a fixed lifetime",
    )
  if (role.period > 0) throw refuse("'token_type' cannot be 'batch' when role is set to generate periodic tokens")
  if (role.numUses > 0)
    throw refuse("'token_type' cannot be 'batch' when 'token_num_uses' is set: batch tokens are not counted")
}
