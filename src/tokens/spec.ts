import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId, TokenRecord } from '../contract/identity.ts'

/** What a new token is to be. TTLs in seconds; `ttl` 0 never ends (root only). */
export interface TokenSpec {
  readonly type: 'service' | 'batch'
  readonly namespace: NamespaceId
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
  /** A caller-chosen, opaque string instead of a JWT. */
  readonly opaque?: string
  /** A record that is made and removed in the same commits as the token (what a wrapping token opens). */
  readonly carries?: unknown
}

/** A root token without end, by a string that is chosen. There are none below the root namespace. */
export function rootSpec(opaque: string): TokenSpec {
  return {
    type: 'service',
    namespace: rootNamespace,
    policies: ['root'],
    path: 'auth/token/root',
    meta: null,
    displayName: 'root',
    ttl: 0,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: false,
    boundCidrs: [],
    entityId: '',
    opaque,
  }
}
