import type { TokenRecord } from '../../contract/identity.ts'
import type { Secret } from '../../util/secret.ts'

/** What a new token is to be. TTLs in seconds; `ttl` 0 never ends (root only). */
export interface NewToken {
  readonly type: 'service' | 'batch'
  readonly policies: readonly string[]
  readonly path: string
  readonly role?: string
  readonly meta: Readonly<Record<string, string>> | null
  readonly displayName: string
  readonly ttl: number
  readonly explicitMaxTtl: number
  readonly period: number
  readonly numUses: number
  readonly renewable: boolean
  readonly parent?: TokenRecord
  readonly boundCidrs: readonly string[]
  readonly entityId: string
  readonly opaque?: string
}

/** What the token endpoints need of the tokens and policies of the namespace they are in. Tokens of others do not exist here. */
export interface TokenPort {
  /** '' in the root namespace, else with a trailing slash. */
  readonly namespacePath: string
  readonly inRoot: boolean
  /** Whether a token lives in this namespace. */
  owns(record: TokenRecord): boolean
  limits(): { readonly defaultTtl: number; readonly maxTtl: number }
  resolve(bearer: Secret<string>): Promise<TokenRecord | undefined>
  idOf(token: string): Promise<string | undefined>
  byAccessor(accessor: string): Promise<TokenRecord | undefined>
  accessors(): Promise<string[]>
  create(token: NewToken): Promise<{ readonly token: string; readonly record: TokenRecord }>
  renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined>
  revoke(id: string): Promise<void>
  revokeOrphaning(id: string): Promise<boolean>
  tidy(): Promise<void>
  policyExists(name: string): Promise<boolean>
}
