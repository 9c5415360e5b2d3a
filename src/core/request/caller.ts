import type { Caller, Capability, TokenRecord } from '../../contract/identity.ts'
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

  capabilities(path: string): readonly Capability[] {
    return capabilitiesFrom(this.#acl, this.#reach, path)
  }

  denies(path: string): boolean {
    return this.#reach !== undefined && this.#acl.denies(this.#reach + path)
  }

  reaches(folder: string): boolean {
    return this.#reach !== undefined && this.#acl.reaches(this.#reach + folder)
  }
}

/** What policies allow on a path of a namespace. @param reach see `reachOf` */
export function capabilitiesFrom(acl: Acl, reach: string | undefined, path: string): readonly Capability[] {
  if (reach === undefined) return ['deny']
  return acl.capabilities(reach + (path.startsWith('/') ? path.slice(1) : path))
}

/** Nobody in particular: routes that need no token. */
export const anyone: Caller = {
  policies: [],
  sudo: false,
  root: false,
  capabilities: () => ['deny'],
  denies: () => false,
  reaches: () => false,
}
