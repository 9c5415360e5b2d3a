import type { NamespaceId } from './identity.ts'

/** Stored settings of a mount, with the names of Vault's API. Absent members were never set. */
export interface MountConfig {
  readonly default_lease_ttl: number
  readonly max_lease_ttl: number
  readonly force_no_cache: boolean
  readonly listing_visibility?: string
  readonly audit_non_hmac_request_keys?: readonly string[]
  readonly audit_non_hmac_response_keys?: readonly string[]
  readonly passthrough_request_headers?: readonly string[]
  readonly allowed_response_headers?: readonly string[]
  readonly token_type?: string
  readonly user_lockout_config?: Readonly<Record<string, number | boolean>>
}

/** One line of the mount table, as stored. */
export interface MountRecord {
  readonly uuid: string
  readonly namespace: NamespaceId
  readonly kind: 'secret' | 'auth'
  /** With a trailing slash, without `auth/`. */
  readonly path: string
  readonly type: string
  readonly accessor: string
  readonly description: string
  readonly config: MountConfig
  readonly options: Readonly<Record<string, string>> | null
  readonly local: boolean
  readonly sealWrap: boolean
  readonly externalEntropyAccess: boolean
  /** Created with the server; cannot be removed. */
  readonly builtin: boolean
  /** Being removed: first its data, then this record. No request is routed to it. */
  readonly removing?: boolean
}

/** The parameters for enabling an engine. */
export type MountSpec = Pick<
  MountRecord,
  'kind' | 'path' | 'type' | 'description' | 'config' | 'options' | 'local' | 'sealWrap' | 'externalEntropyAccess'
>

/** The default settings of a mount. */
export const plainConfig: MountConfig = { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false }

/** The API path of a mount: `X/` or `auth/X/`. */
export function apiPathOf(record: Pick<MountRecord, 'kind' | 'path'>): string {
  return record.kind === 'auth' ? `auth/${record.path}` : record.path
}
