import { Fault, refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import { answer, done } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Alias, Route } from '../contract/route.ts'
import { rfc3339 } from '../util/clock.ts'

/** A lease, times in epoch milliseconds. */
interface Lease {
  readonly path: string
  readonly issuedAt: number
  readonly expiresAt: number | null
  readonly lastRenewedAt?: number
  readonly renewable: boolean
}

/** The leases of a namespace, for these routes. All leases are of tokens. */
export interface LeasePort {
  now(): number
  lookup(lease: string): Promise<Lease | undefined>
  list(prefix: string): Promise<readonly string[]>
  /** Absent is fine. */
  revoke(lease: string): Promise<void>
  /** When it resolves, no lease under the prefix is valid; with `wait` they are removed as well. */
  revokePrefix(prefix: string, wait: boolean): Promise<void>
  /** To be done soon. */
  tidy(): void
}

type Has = { readonly leases: LeasePort }
const { read, list, write } = routesOf<Has>()
const lease = { lease_id: f.string('The id of the lease.').or('') }
const inPath = { ...lease, url_lease_id: f.string('The id of the lease.').alias('lease_id').or('') }
const prefix = { prefix: f.string('The beginning of lease ids, by whole segments.').or('') }
/** An id may be sent instead of being put into the path. */
const inPathToo =
  (path: string): Alias =>
  (_, { lease_id: id }) =>
    typeof id === 'string' && id !== '' ? `leases/${path}/${id}` : undefined
const sync = { sync: f.bool('Wait until the removal is complete.').or(true) }
const increment = { increment: f.duration('The TTL to renew it by.').or(0) }

/** `sys/leases`. */
export function leaseRoutes(): Route<Has>[] {
  return [
    ...lookupRoutes(),
    ...revokeRoutes(),
    ...irrevocableRoutes(),
    write('leases/renew', {
      about: 'Renew a lease.',
      alias: inPathToo('renew'),
      fields: { ...lease, ...increment },
      handle: async ({ engine }, values) => renew(engine.leases, values.lease_id),
    }),
    write('leases/renew/*url_lease_id', {
      about: 'Renew a lease.',
      fields: { ...inPath, ...increment },
      handle: async ({ engine }, values) => renew(engine.leases, pathId(values)),
    }),
    write('leases/tidy', {
      about: 'Remove index entries that lead nowhere.',
      handle: ({ engine }) => {
        engine.leases.tidy()
        return {
          status: 202,
          data: null,
          warnings: ['Tidying is done in the background; failures go to the log of the server.'],
        }
      },
    }),
  ]
}

function lookupRoutes(): Route<Has>[] {
  const listing = async (leases: LeasePort, under: string): Promise<Response> => {
    const keys = await leases.list(under)
    if (keys.length === 0) throw new Fault('not_found', 'there are no leases')
    return answer({ keys })
  }
  return [
    write('leases/lookup', {
      about: 'Read a lease.',
      returns: {
        id: f.string('Its id.'),
        path: f.string('The path that created it.'),
        issue_time: f.string('When it was created.'),
        expire_time: f.string('When it expires; null: never.').orNull(),
        last_renewal: f.string('When it was last renewed; null: never.').orNull(),
        renewable: f.bool('It can be renewed.'),
        ttl: f.int('The seconds that are left; 0: it never expires.'),
      },
      pure: true,
      fields: lease,
      handle: async ({ engine: { leases } }, values) => {
        const found = await leases.lookup(requiredId(values.lease_id))
        if (!found) throw refuse('invalid lease')
        return answer(rendered(found, values.lease_id, leases.now()))
      },
    }),
    list('leases/lookup', {
      about: 'List the beginnings of lease ids.',
      returns: { keys: f.list('The beginnings.') },
      access: 'sudo',
      handle: async ({ engine }) => listing(engine.leases, ''),
    }),
    list('leases/lookup/*prefix', {
      about: 'List the leases under a prefix.',
      returns: { keys: f.list('The rest of their ids.') },
      access: 'sudo',
      fields: prefix,
      handle: async ({ engine }, values) => listing(engine.leases, values.prefix),
    }),
  ]
}

function revokeRoutes(): Route<Has>[] {
  const revoke = async (leases: LeasePort, id: string, wait: boolean): Promise<Response> => {
    await leases.revoke(requiredId(id))
    return wait ? done() : { status: 202 }
  }
  return [
    write('leases/revoke', {
      about: 'Revoke a lease.',
      alias: inPathToo('revoke'),
      fields: { ...lease, ...sync },
      handle: async ({ engine }, values) => revoke(engine.leases, values.lease_id, values.sync),
    }),
    write('leases/revoke/*url_lease_id', {
      about: 'Revoke a lease.',
      fields: { ...inPath, ...sync },
      handle: async ({ engine }, values) => revoke(engine.leases, pathId(values), values.sync),
    }),
    write('leases/revoke-prefix/*prefix', {
      about: 'Revoke all leases under a prefix.',
      access: 'sudo',
      alias: ({ prefix: under = '' }) => `leases/revoke-force/${under}`,
      fields: { ...prefix, ...sync },
      handle: async ({ engine: { leases } }, values) => {
        refuseAll(values.prefix)
        await leases.revokePrefix(values.prefix, values.sync)
        return values.sync ? done() : { status: 202 }
      },
    }),
    write('leases/revoke-force/*prefix', {
      about: 'Revoke all leases under a prefix, ignoring failures. The leases of tokens can always be revoked.',
      access: 'sudo',
      alias: ({ prefix: under = '' }) => `leases/revoke-prefix/${under}`,
      fields: prefix,
      handle: async ({ engine: { leases } }, values) => {
        refuseAll(values.prefix)
        await leases.revokePrefix(values.prefix, true)
        return done()
      },
    }),
  ]
}

/** Leases that could not be revoked at their source. Those of tokens can always be revoked: there are none. */
function irrevocableRoutes(): Route<Has>[] {
  const fields = {
    type: f.string('irrevocable: there is no other type.').or(''),
    include_child_namespaces: f.bool('Those of namespaces below as well.').or(false),
  }
  const checkType = (type: string): void => {
    if (type.toLowerCase() !== 'irrevocable')
      throw refuse('the parameter "type" must be "irrevocable": no other leases are counted')
  }
  return [
    read('leases/count', {
      about: 'Count the leases that could not be revoked.',
      returns: { lease_count: f.int('Their number.'), counts: f.object('Their numbers, by mount.') },
      fields,
      handle: (_, values) => {
        checkType(values.type)
        return answer({ lease_count: 0, counts: {} })
      },
    }),
    read('leases', {
      about: 'List the leases that could not be revoked.',
      returns: { lease_count: f.int('Their number.'), leases: f.array('The leases.') },
      access: 'sudo',
      fields: { ...fields, limit: f.string('How many at most, or none.').or('') },
      handle: (_, values) => {
        checkType(values.type)
        if (!/^(none|0*[1-9]\d{0,8})?$/i.test(values.limit)) throw refuse("'limit' must be 'none' or a positive number")
        return answer({ lease_count: 0, leases: [] })
      },
    }),
  ]
}

/** The id in the path, which the policy has checked. */
function pathId({
  lease_id: sent,
  url_lease_id: id,
}: {
  readonly lease_id: string
  readonly url_lease_id: string
}): string {
  if (sent !== '' && sent !== id) throw refuse('lease_id and the path name different leases: send one of them')
  return id
}

/** Without a prefix it would be all tokens. */
function refuseAll(start: string): void {
  if (start.trim() === '') throw new Fault('unsupported_path', 'unsupported path')
}

function requiredId(id: string): string {
  if (id === '') throw refuse('lease_id must be specified')
  return id
}

function rendered(found: Lease, id: string, now: number): Readonly<Record<string, unknown>> {
  const { path, issuedAt, expiresAt, lastRenewedAt, renewable } = found
  return {
    id,
    path,
    issue_time: rfc3339(issuedAt),
    expire_time: expiresAt === null ? null : rfc3339(expiresAt),
    last_renewal: lastRenewedAt === undefined ? null : rfc3339(lastRenewedAt),
    renewable: renewable && expiresAt !== null,
    ttl: expiresAt === null ? 0 : Math.max(0, Math.floor((expiresAt - now) / 1000)),
  }
}

/** A token is renewed only as a token, because its role and its limits are checked there. */
async function renew(leases: LeasePort, id: string): Promise<Response> {
  const found = await leases.lookup(requiredId(id))
  if (!found) throw refuse('lease not found')
  if (!found.renewable || found.expiresAt === null) throw refuse('lease is not renewable')
  throw refuse('this is the lease of a token: renew the token itself (auth/token/renew)')
}
