import type { AskedRequest, Caller, Principal, TokenRecord } from '../../../contract/identity.ts'
import { apiPath } from '../../../contract/request.ts'
import type { Acl } from '../../../policy/acl.ts'
import type { AclQuery } from '../../../policy/verdict.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import { deniedElsewhere, whereLeads } from './other-paths.ts'

/**
 * The path of the namespace of a request as a token's policies see it: '' in the token's own namespace, `app/` in one below
 * it. Undefined in all other namespaces: no policy applies outside of its namespace.
 */
export function reachOf(home: Namespace | undefined, here: Namespace): string | undefined {
  return home?.holds(here) ? home.pathIn(here, '') : undefined
}

/** See the constructor of `TokenCaller`. */
interface CallerParts {
  readonly here: Namespace
  readonly reach: string | undefined
  readonly sudo: boolean
  readonly query?: AclQuery
}

/** A caller that sent a valid token. */
export class TokenCaller implements Caller {
  readonly token: TokenRecord
  readonly sudo: boolean
  readonly #acl: Acl
  readonly #here: Namespace
  readonly #reach: string | undefined
  readonly #query: AclQuery | undefined

  /**
   * @param here the namespace of the request
   * @param reach see `reachOf`
   * @param query the query of the policies for the request; absent until then
   */
  constructor(token: TokenRecord, acl: Acl, { here, reach, sudo, query }: CallerParts) {
    this.token = token
    this.#here = here
    this.#acl = acl
    this.#reach = reach
    this.sudo = sudo
    this.#query = query
  }

  get principal(): Principal | undefined {
    return this.#acl.principal
  }

  get policies(): readonly string[] {
    return this.token.policies
  }

  get root(): boolean {
    return this.token.policies.includes('root')
  }

  allows({ operation, path, data = {} }: AskedRequest): boolean {
    const clean = apiPath(path)
    const found = clean === undefined ? undefined : whereLeads(this.#here, clean, operation)
    if (this.#reach === undefined || !found?.place || found.route.access === 'public') return false
    const { route, place } = found
    // The response is that of the handled request: it is wrapped if the caller asked for that.
    const { wrapTtl } = this.#query ?? {}
    const query = {
      path: this.#reach + found.path,
      operation,
      data,
      fields: route.fields,
      params: place.params,
      ...(wrapTtl !== undefined && { wrapTtl }),
    }
    const verdict = this.#acl.decide(query)
    if (!verdict.allowed || (route.access === 'sudo' && !verdict.sudo)) return false
    return deniedElsewhere({ ...place, reach: this.#reach + place.reach }, this.#acl, query) === undefined
  }

  denies(path: string): boolean {
    return this.#reach !== undefined && this.#acl.denies(this.#reach + path)
  }

  deniesValue(name: string, value: unknown): boolean {
    return this.#query !== undefined && this.#acl.refusesDefault(this.#query, name, value)
  }

  reaches(folder: string): boolean {
    return this.#reach !== undefined && this.#acl.reaches(this.#reach + folder)
  }
}

/** The caller of routes that need no token. */
export const anyone: Caller = {
  policies: [],
  sudo: false,
  root: false,
  allows: () => false,
  denies: () => false,
  deniesValue: () => false,
  reaches: () => false,
}
