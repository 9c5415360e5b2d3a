import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { identityPolicies } from '../../contract/identity.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { answer } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call } from '../../contract/route.ts'
import { showCidr } from '../../util/cidr.ts'
import { rfc3339 } from '../../util/clock.ts'
import { Secret } from '../../util/secret.ts'
import { principalOf } from './state.ts'
import type { TokenState } from './state.ts'
import { namedOrSelf, self as own } from './subject.ts'

const { read, list, write } = routesOf<TokenState>()
const tokenField = { token: f.any("The token; the caller's own if it is left out.") }
const accessorField = { accessor: f.string('The accessor of the token.').or('') }

const tokenMembers = {
  id: f.string('The token; empty in a lookup by accessor.').secret(),
  accessor: f.string('Its accessor; empty for batch tokens.'),
  policies: f.list('Its policies.'),
  path: f.string('The path that created it.'),
  meta: f.map('Notes about it.').orNull(),
  display_name: f.string('Its name for people.'),
  num_uses: f.int('The uses that are left; 0: without limit.'),
  orphan: f.bool('It has no parent.'),
  creation_time: f.int('When it was created, Unix seconds.'),
  creation_ttl: f.int('The TTL that it was created with, seconds.'),
  expire_time: f.string('When it expires; null: never.').orNull(),
  ttl: f.int('The seconds that are left; 0: it never expires.'),
  explicit_max_ttl: f.int('The longest TTL, renewals included, seconds; 0: that of the mount.'),
  entity_id: f.string('Its entity; empty: none.'),
  identity_policies: f.list('The policies of its entity and groups.'),
  external_namespace_policies: f.object('Policies of the entity in other namespaces: always empty.'),
  type: f.string('`service` or `batch`.'),
  namespace_path: f.string('Its namespace, unless that is the root one.'),
  issue_time: f.string('When it was created.'),
  renewable: f.bool('It can be renewed.'),
  last_renewal: f.string('When it was last renewed.'),
  last_renewal_time: f.int('The same, Unix seconds.'),
  role: f.string('The role that created it.'),
  period: f.int('The TTL of each renewal, seconds.'),
  bound_cidrs: f.list('The only addresses that may use it.'),
}

/** `auth/token/lookup`, `lookup-self`, `lookup-accessor`, and the list of accessors. */
export const lookupRoutes = [
  read('lookup', {
    about: 'Look a token up.',
    returns: tokenMembers,
    subject: namedOrSelf,
    fields: tokenField,
    handle: async (call, { token }) => lookup(call, token),
  }),
  write('lookup', {
    about: 'Look a token up.',
    returns: tokenMembers,
    subject: namedOrSelf,
    pure: true,
    fields: tokenField,
    handle: async (call, { token }) => lookup(call, token),
  }),
  read('lookup-self', {
    about: "Look the caller's own token up.",
    returns: tokenMembers,
    subject: own,
    handle: (call) => self(call),
  }),
  write('lookup-self', {
    about: "Look the caller's own token up.",
    returns: tokenMembers,
    subject: own,
    pure: true,
    fields: tokenField,
    handle: (call) => self(call),
  }),
  write('lookup-accessor', {
    about: 'Look a token up by its accessor.',
    returns: tokenMembers,
    pure: true,
    fields: accessorField,
    handle: async ({ engine }, { accessor }) => rendered(await byAccessor(engine, accessor), '', engine),
  }),
  list('accessors', {
    about: 'List the accessors of all service tokens of the namespace.',
    returns: { keys: f.list('The accessors.') },
    access: 'sudo',
    handle: async ({ engine }) => {
      const keys = await engine.tokens.accessors()
      if (keys.length === 0) throw new Fault('not_found', 'no tokens')
      return answer({ keys })
    },
  }),
]

/** @throws Fault `invalid accessor`. */
export async function byAccessor(engine: TokenState, accessor: string): Promise<TokenRecord> {
  if (accessor === '') throw refuse('missing accessor', { listed: true })
  const record = await engine.tokens.byAccessor(accessor)
  if (!record) throw refuse('invalid accessor', { listed: true })
  return record
}

async function self(call: Call<TokenState>): Promise<Response> {
  const { caller, request, engine } = call
  if (!caller.token || request.credential.kind !== 'token') throw new Fault('unauthenticated', 'permission denied')
  return rendered(caller.token, request.credential.token.reveal(), engine)
}

async function lookup(call: Call<TokenState>, token: unknown): Promise<Response> {
  if (token === '' || !call.isGiven('token')) return self(call)
  if (typeof token !== 'string') throw new Fault('unauthenticated', 'invalid token')
  const record = await call.engine.tokens.resolve(new Secret(token))
  if (!record) throw new Fault('unauthenticated', 'bad token')
  return rendered(record, token, call.engine)
}

async function rendered(record: TokenRecord, id: string, state: TokenState): Promise<Response> {
  const { clock, tokens } = state
  const principal = await principalOf(state, record)
  const ofIdentity = principal ? identityPolicies(principal) : []
  const left = record.expiresAt === null ? 0 : Math.max(0, Math.ceil((record.expiresAt - clock.now()) / 1000))
  const issued = rfc3339(record.issuedAt)
  return answer({
    id,
    accessor: record.accessor,
    policies: record.policies,
    path: record.path,
    meta: record.meta,
    display_name: record.displayName,
    num_uses: record.usesLeft ?? 0,
    orphan: record.parent === undefined,
    creation_time: Math.floor(record.issuedAt / 1000),
    creation_ttl: record.creationTtl,
    expire_time: record.expiresAt === null ? null : rfc3339(record.expiresAt),
    ttl: left,
    explicit_max_ttl: record.explicitMaxTtl,
    entity_id: principal?.entity.id ?? record.entityId,
    ...(ofIdentity.length > 0 && { identity_policies: ofIdentity, external_namespace_policies: {} }),
    type: record.type,
    ...(!tokens.inRoot && { namespace_path: tokens.namespacePath }),
    ...(record.path !== 'auth/token/root' && { issue_time: issued, renewable: record.renewable }),
    ...(record.lastRenewedAt !== undefined && {
      last_renewal: rfc3339(record.lastRenewedAt),
      last_renewal_time: Math.floor(record.lastRenewedAt / 1000),
    }),
    ...(record.role !== undefined && { role: record.role }),
    ...(record.period > 0 && { period: record.period }),
    ...(record.boundCidrs.length > 0 && { bound_cidrs: record.boundCidrs.map(showCidr) }),
  })
}
