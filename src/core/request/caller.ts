import type { Caller, TokenRecord } from '../../contract/identity.ts'
import type { Acl, AclQuery } from '../../policy/acl.ts'
import type { Namespace } from '../namespaces/namespace.ts'

/**
 * The path of the namespace of a request as a token's policies see it: '' in the token's own namespace, `app/` in one below
 * it. Undefined anywhere else: no policy reaches out of the namespace that it lies in.
 */
export function reachOf(home: Namespace | undefined, here: Namespace): string | undefined {
  return home?.holds(here) ? home.pathIn(here, '') : undefined
}

/** A caller that showed a good token. */
export class TokenCaller implements Caller {
  readonly token: TokenRecord
  readonly sudo: boolean
  readonly #acl: Acl
  readonly #reach: string | undefined
  readonly #query: AclQuery | undefined

  /**
   * @param reach see `reachOf`
   * @param query what the policies were asked about the request; absent until then
   */
  constructor(token: TokenRecord, acl: Acl, reach: string | undefined, sudo: boolean, query?: AclQuery) {
    this.token = token
    this.#acl = acl
    this.#reach = reach
    this.sudo = sudo
    this.#query = query
  }

  get policies(): readonly string[] {
    return this.token.policies
  }

  get root(): boolean {
    return this.token.policies.includes('root')
  }

  denies(path: string): boolean {
    return this.#reach !== undefined && this.#acl.denies(this.#reach + path)
  }

  deniesValue(name: string, value: unknown): boolean {
    return this.#query !== undefined && this.#acl.refusesTaken(this.#query, name, value)
  }

  reaches(folder: string): boolean {
    return this.#reach !== undefined && this.#acl.reaches(this.#reach + folder)
  }
}

/** Nobody in particular: routes that need no token. */
export const anyone: Caller = {
  policies: [],
  sudo: false,
  root: false,
  denies: () => false,
  deniesValue: () => false,
  reaches: () => false,
}
