import type { Caller, TokenRecord } from '../../contract/identity.ts'
import type { Acl } from '../../policy/acl.ts'
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

  /** @param reach see `reachOf` */
  constructor(token: TokenRecord, acl: Acl, reach: string | undefined, sudo: boolean) {
    this.token = token
    this.#acl = acl
    this.#reach = reach
    this.sudo = sudo
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
  reaches: () => false,
}
