import type { Renewal, RenewalRequest } from '../../contract/engine.ts'
import type { Bounds } from '../../contract/token-params.ts'
import type { TokenRecord, TokenSpec } from '../../contract/identity.ts'
import type { Secret } from '../../util/secret.ts'

/** The tokens and policies of a namespace, for the token endpoints. Tokens of other namespaces are not found. */
export interface TokenPort {
  /** '' in the root namespace, otherwise with a trailing slash. */
  readonly namespacePath: string
  readonly inRoot: boolean
  /** Whether a token lives in this namespace. */
  owns(record: TokenRecord): boolean
  limits(): { readonly defaultTtl: number; readonly maxTtl: number }
  resolve(bearer: Secret<string>): Promise<TokenRecord | undefined>
  idOf(token: string): Promise<string | undefined>
  byAccessor(accessor: string): Promise<TokenRecord | undefined>
  accessors(): Promise<string[]>
  create(spec: Omit<TokenSpec, 'namespace'>): Promise<{ readonly token: string; readonly record: TokenRecord }>
  /** The limits of a token's renewal, from the mount that created it. @throws Fault when that mount refuses it */
  renewal(record: TokenRecord, request: RenewalRequest): Promise<Bounds & Pick<Renewal, 'ttl'>>
  renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined>
  revoke(id: string): Promise<void>
  revokeOrphaning(id: string): Promise<boolean>
  tidy(): Promise<void>
  policyExists(name: string): Promise<boolean>
}
