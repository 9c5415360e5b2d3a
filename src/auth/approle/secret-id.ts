import { randomUUID } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { cidrsOf } from '../../contract/token-params.ts'
import type { Transaction } from '../../contract/view.ts'
import { areWithin } from '../../util/cidr.ts'
import { rfc3339 } from '../../util/clock.ts'
import {
  isCount,
  isListOf,
  isMapOf,
  isName,
  isPositive,
  isText,
  isTime,
  orNull,
  shapeOf,
} from '../../util/stored/shape.ts'
import { metadataOf } from './metadata.ts'
import { isCidr } from './role.ts'
import type { Role } from './role.ts'

/** A secret id as stored, at `secret-id/<hash>`. The secret id itself is stored nowhere. Times are epoch milliseconds. */
export interface SecretId {
  /** `uid` of its role. */
  readonly role: string
  readonly accessor: string
  readonly createdAt: number
  readonly updatedAt: number
  /** null: never. */
  readonly expiresAt: number | null
  /** Seconds; 0: it never expires. */
  readonly ttl: number
  /** null: no limit. The record of a used-up one is removed. */
  readonly usesLeft: number | null
  readonly metadata: Readonly<Record<string, string>>
  /** The addresses that it works from; empty: those of the role. */
  readonly cidrs: readonly string[]
  /** The addresses that its tokens work from; empty: those of the role. */
  readonly tokenCidrs: readonly string[]
}

/** The shape of that record. */
export const secretIdShape = shapeOf<SecretId>(
  'a secret id',
  {
    role: isName,
    accessor: isName,
    createdAt: isTime,
    updatedAt: isTime,
    expiresAt: orNull(isTime),
    ttl: isCount,
    usesLeft: orNull((value) => isCount(value) && isPositive(value)),
    metadata: isMapOf(isText),
    cidrs: isListOf(isCidr),
    tokenCidrs: isListOf(isCidr),
  },
  ({ expiresAt, ttl }) => (expiresAt === null) === (ttl === 0),
)

/** The place of a secret id that an accessor names, at `accessor/<uid of the role>/<accessor>`. */
export const accessorShape = shapeOf<{ readonly hash: string }>('an accessor', { hash: isName })

/** Where a secret id is stored. */
export const secretIdKey = (hash: string): string => `secret-id/${hash}`
/** The record name of an accessor; undefined if it is not a valid one. */
export const accessorKey = (role: string, accessor: string): string | undefined =>
  /^[0-9a-f-]{36}$/.test(accessor) ? `accessor/${role}/${accessor}` : undefined
/** Where a secret id is noted that expires: by the minute of its expiry. */
const expiryKey = (expiresAt: number, hash: string): string => `expiry/${Math.floor(expiresAt / 60_000)}/${hash}`

/** The fields of a new secret id. */
export const secretIdFields = {
  metadata: f.string('Notes, as a JSON object of strings: tokens of its logins carry them.').or(''),
  cidr_list: f.list('Addresses that it works from, within those of the role.').limiting(),
  token_bound_cidrs: f.list('Addresses that its tokens work from, within those of the role.').limiting(),
  num_uses: f.int('The number of logins; 0: no limit. At most that of the role.').limiting(),
  ttl: f.duration('The time until it expires; 0: never. At most that of the role.').limiting(),
}

/** The secret id that a role allows. @param maxTtl of the mount, seconds. @throws Fault invalid_request */
export function newSecretId(
  role: Role,
  values: Values<typeof secretIdFields>,
  { now, maxTtl }: { readonly now: number; readonly maxTtl: number },
): SecretId {
  if (!role.bindSecretId) throw refuse('bind_secret_id of this role is false: its logins need no secret id')
  const numUses = values.num_uses ?? role.secretIdNumUses
  if (numUses < 0) throw refuse('num_uses cannot be negative')
  const wanted = values.ttl ?? role.secretIdTtl
  if (exceeds(numUses, role.secretIdNumUses))
    throw refuse(`num_uses must be from 1 to ${role.secretIdNumUses}: secret_id_num_uses of the role`)
  if (exceeds(wanted, role.secretIdTtl))
    throw refuse(`ttl must be from 1 to ${role.secretIdTtl} seconds: secret_id_ttl of the role`)
  const ttl = Math.floor(Math.min(wanted, maxTtl))
  return {
    role: role.uid,
    accessor: randomUUID(),
    createdAt: now,
    updatedAt: now,
    expiresAt: ttl === 0 ? null : now + ttl * 1000,
    ttl,
    usesLeft: numUses === 0 ? null : numUses,
    metadata: metadataOf(values.metadata),
    cidrs: cidrsWithin('cidr_list', values.cidr_list, role.secretIdBoundCidrs ?? []),
    tokenCidrs: cidrsWithin('token_bound_cidrs', values.token_bound_cidrs, role.params.boundCidrs),
  }
}

/** Whether a value is beyond a limit. 0 is no limit, as a value and as a limit. */
const exceeds = (value: number, limit: number): boolean => limit > 0 && (value === 0 || value > limit)

function cidrsWithin(name: string, inputs: readonly string[] | undefined, outer: readonly string[]): readonly string[] {
  const cidrs = cidrsOf(inputs) ?? []
  if (outer.length > 0 && !areWithin(cidrs, outer))
    throw refuse(`${name} must lie within the addresses of the role: ${outer.join(', ')}`)
  return cidrs
}

/** Whether a secret id is too old. */
export const isExpired = ({ expiresAt }: SecretId, now: number): boolean => expiresAt !== null && expiresAt <= now

/** Writes a new secret id. @throws Fault invalid_request when the role has it already */
export async function putSecretId(tx: Transaction, hash: string, secret: SecretId): Promise<void> {
  const old = await tx.get(secretIdKey(hash), secretIdShape)
  if (old && !isExpired(old, secret.createdAt)) throw refuse('this role has this secret_id already: choose another one')
  if (old) removeSecretId(tx, hash, old)
  tx.put(secretIdKey(hash), secret)
  tx.put(accessorOf(secret), { hash })
  if (secret.expiresAt !== null) tx.put(expiryKey(secret.expiresAt, hash), {})
}

/** Removes a secret id with all that leads to it. */
export function removeSecretId(tx: Transaction, hash: string, secret: SecretId): void {
  tx.del(secretIdKey(hash))
  tx.del(accessorOf(secret))
  if (secret.expiresAt !== null) tx.del(expiryKey(secret.expiresAt, hash))
}

const accessorOf = ({ role, accessor }: SecretId): string => `accessor/${role}/${accessor}`

/** Counts one use of a secret id. The last use removes it. */
export function useSecretId(tx: Transaction, hash: string, secret: SecretId, now: number): void {
  if (secret.usesLeft === null) return
  if (secret.usesLeft <= 1) removeSecretId(tx, hash, secret)
  else tx.put(secretIdKey(hash), { ...secret, usesLeft: secret.usesLeft - 1, updatedAt: now })
}

/** The response of a lookup. */
export const secretIdMembers = {
  secret_id_accessor: f.string('Its accessor.'),
  secret_id_num_uses: f.int('The logins that are left; 0: no limit.'),
  secret_id_ttl: f.int('The TTL that it was created with, seconds; 0: it never expires.'),
  creation_time: f.string('When it was created.'),
  last_updated_time: f.string('When it was created or last used up in part.'),
  expiration_time: f.string('When it expires; the year 1: never.'),
  metadata: f.map('Its notes.'),
  cidr_list: f.list('The addresses that it works from.'),
  token_bound_cidrs: f.list('The addresses that its tokens work from.'),
}

/** The response of a lookup of a secret id. */
export function renderedSecretId(secret: SecretId): Readonly<Record<string, unknown>> {
  return {
    secret_id_accessor: secret.accessor,
    secret_id_num_uses: secret.usesLeft ?? 0,
    secret_id_ttl: secret.ttl,
    creation_time: rfc3339(secret.createdAt),
    last_updated_time: rfc3339(secret.updatedAt),
    expiration_time: secret.expiresAt === null ? '0001-01-01T00:00:00Z' : rfc3339(secret.expiresAt),
    metadata: secret.metadata,
    cidr_list: secret.cidrs,
    token_bound_cidrs: secret.tokenCidrs,
  }
}
