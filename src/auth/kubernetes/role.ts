import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { folded, isPathName } from '../../contract/names.ts'
import { isTokenParams, renderedTokenParams } from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { isListOf, isName, isOneOf, isText, orAbsent, shapeOf } from '../../util/stored/shape.ts'
import { isSelector } from './selector.ts'
import type { Selector } from './selector.ts'

/** Deprecated names of token parameters, which responses also have. */
export const olderNames = {
  policies: 'token_policies',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  period: 'token_period',
  num_uses: 'token_num_uses',
  bound_cidrs: 'token_bound_cidrs',
} as const
type OlderName = keyof typeof olderNames

/** The source of the name of an alias. The first is the default. */
export const aliasSources = ['serviceaccount_uid', 'serviceaccount_name'] as const

/** A role as stored, at `role/<name>`. */
export interface Role {
  /** Never used again: a token of a role that was removed is no token of a later one of its name. */
  readonly uid: string
  /** Names of service accounts; `*` matches any characters. */
  readonly names: readonly string[]
  /** Namespaces of service accounts; `*` matches any characters. */
  readonly namespaces: readonly string[]
  /** Namespaces with these labels are allowed as well. */
  readonly selector?: { readonly labels: Selector; readonly written: string }
  /** The audience that tokens must have; empty: the API server. */
  readonly audience: string
  readonly aliasSource: (typeof aliasSources)[number]
  readonly params: TokenParams
  /** Deprecated names with which a parameter was last set; responses have these as well. */
  readonly older: readonly OlderName[]
}

const isWrittenSelector = (value: unknown): boolean => {
  const { labels, written } = (value ?? {}) as Record<string, unknown>
  return isSelector(labels) && isName(written)
}

/** The shape of that record. */
export const roleShape = shapeOf<Role>(
  'a role',
  {
    uid: isName,
    names: isListOf(isName),
    namespaces: isListOf(isName),
    selector: orAbsent(isWrittenSelector),
    audience: isText,
    aliasSource: isOneOf(...aliasSources),
    params: isTokenParams,
    older: isListOf(isOneOf(...Object.keys(olderNames))),
  },
  ({ names, namespaces, selector }) => names.length > 0 && (namespaces.length > 0 || selector !== undefined),
)

/** The path parameter of all paths of a role. Letter case does not matter. */
export const roleName = { name: f.string('Name of the role.').or('') }
export const canonical = { name: folded }

/** The record name of a role. @throws Fault unsupported_path for an invalid name */
export function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `role/${name}`
}

/** The response for a role. */
export function rendered(role: Role): Readonly<Record<string, unknown>> {
  const params = renderedTokenParams(role.params)
  return {
    bound_service_account_names: role.names,
    bound_service_account_namespaces: role.namespaces.length > 0 ? role.namespaces : null,
    bound_service_account_namespace_selector: role.selector?.written ?? '',
    ...(role.audience !== '' && { audience: role.audience }),
    alias_name_source: role.aliasSource,
    ...params,
    ...Object.fromEntries(role.older.map((name) => [name, params[olderNames[name]]])),
  }
}
