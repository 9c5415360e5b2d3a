import type { EngineHost } from '../../contract/engine.ts'
import { Fault } from '../../contract/fault.ts'
import type { FaultDetails } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { folded, isPathName } from '../../contract/names.ts'
import {
  changedTokenParams,
  isTokenParams,
  noTokenParams,
  olderNamesAfter,
  underNewerNames,
  renderedTokenParams,
  tokenParamFields,
} from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { isListOf, isOneOf, shapeOf } from '../../util/stored/shape.ts'
import { isPasswordHash } from './password.ts'

/** The state of a mount. */
export type Userpass = Pick<EngineHost, 'view' | 'mayLogIn'>

/** Older names of token parameters. */
const olderNames = {
  policies: 'token_policies',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  bound_cidrs: 'token_bound_cidrs',
} as const
type OlderName = keyof typeof olderNames

/** A user as stored, at `user/<name>`. */
export interface User {
  /** bcrypt. */
  readonly hash: string
  readonly params: TokenParams
  /** Deprecated names with which a parameter was last set; responses have these as well. */
  readonly older: readonly OlderName[]
}

/** The shape of that record. */
export const userShape = shapeOf<User>('a user', {
  hash: isPasswordHash,
  params: isTokenParams,
  older: isListOf(isOneOf(...Object.keys(olderNames))),
})

/** The path parameter of all paths of a user. Letter case does not matter. */
export const username = { username: f.string('Name of the user.').or('') }
export const canonical = { username: folded }

/** The fields of a user that policies and `users/:username/policies` are about. */
export const policyFields = {
  token_policies: tokenParamFields.token_policies,
  policies: f.list('Older name of token_policies.').alias('token_policies'),
}

/** The fields that set a password. */
export const passwordFields = {
  password: f.string('The password, 72 bytes at most.').secret(),
  password_hash: f.string('Its bcrypt hash, in place of the password.').secret(),
}

/** The `token_*` fields of a user, with their older names. */
export const paramFields = {
  ...tokenParamFields,
  ...policyFields,
  ttl: f.duration('Older name of token_ttl.').limiting().alias('token_ttl'),
  max_ttl: f.duration('Older name of token_max_ttl.').limiting().alias('token_max_ttl'),
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
}

/** The record name of a user. @throws Fault unsupported_path for an invalid name */
export function keyOf(name: string, details: FaultDetails = {}): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path', details)
  return `user/${name}`
}

/** A user with the parameters that were sent. @throws Fault invalid_request */
export function changedUser(
  old: Omit<User, 'hash'> | undefined,
  hash: string,
  values: Partial<Values<typeof paramFields>>,
): User {
  const params = changedTokenParams(old?.params ?? noTokenParams, underNewerNames(olderNames, values))
  const older = olderNamesAfter(olderNames, values, old?.older ?? [])
  return { hash, params, older }
}

/** The response for a user, without the hash. */
export function rendered({ params, older }: User): Readonly<Record<string, unknown>> {
  const fields = renderedTokenParams(params)
  return { ...fields, ...Object.fromEntries(older.map((name) => [name, fields[olderNames[name]]])) }
}
