import type { Caller, Capability, TokenRecord } from '../contract/identity.ts'
import type { Acl } from '../policy/acl.ts'

/** A caller that showed a good token. */
export class TokenCaller implements Caller {
  readonly token: TokenRecord
  readonly sudo: boolean
  readonly #acl: Acl

  constructor(token: TokenRecord, acl: Acl, sudo: boolean) {
    this.token = token
    this.#acl = acl
    this.sudo = sudo
  }

  get policies(): readonly string[] {
    return this.token.policies
  }

  get root(): boolean {
    return this.token.policies.includes('root')
  }

  capabilities(path: string): readonly Capability[] {
    return this.#acl.capabilities(path)
  }
}

/** Nobody in particular: routes that need no token. */
export const anyone: Caller = { policies: [], sudo: false, root: false, capabilities: () => ['deny'] }
