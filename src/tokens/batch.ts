import type { JWTPayload } from 'jose'
import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId, TokenRecord } from '../contract/identity.ts'

/** The private claims of a batch token. */
interface BatchClaims {
  /** Absent for the root namespace. */
  readonly namespace?: NamespaceId
  readonly policies: readonly string[]
  readonly path: string
  readonly role?: string
  readonly meta: Readonly<Record<string, string>> | null
  readonly displayName: string
  readonly issuedAt: number
  readonly creationTtl: number
  readonly expiresAt: number
  readonly parent?: string
  readonly boundCidrs: readonly string[]
  readonly entityId: string
  readonly mount?: string
}

/** The claims of a batch token. It always has an expiry. */
export function batchClaims(jti: string, record: TokenRecord): JWTPayload & { readonly jti: string } {
  const {
    namespace,
    policies,
    path,
    role,
    meta,
    displayName,
    issuedAt,
    creationTtl,
    parent,
    boundCidrs,
    entityId,
    mount,
  } = record
  const expiresAt = record.expiresAt ?? issuedAt
  const batch: BatchClaims = {
    ...(namespace !== rootNamespace && { namespace }),
    policies,
    path,
    meta,
    displayName,
    issuedAt,
    creationTtl,
    expiresAt,
    boundCidrs,
    entityId,
    ...(role !== undefined && { role }),
    ...(parent !== undefined && { parent }),
    ...(mount !== undefined && { mount }),
  }
  return { jti, iat: Math.floor(issuedAt / 1000), exp: Math.ceil(expiresAt / 1000), batch }
}

/** The record of a batch token, from verified claims. Undefined for a service token. */
export function batchRecord(id: string, claims: JWTPayload): TokenRecord | undefined {
  const batch = claims['batch'] as BatchClaims | undefined
  if (batch === undefined) return undefined
  return {
    namespace: rootNamespace,
    ...batch,
    id,
    accessor: '',
    type: 'batch',
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
  }
}
