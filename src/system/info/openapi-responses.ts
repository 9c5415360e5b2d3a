import { f } from '../../contract/field.ts'
import type { Fields } from '../../contract/field.ts'
import { otherMembers } from '../../contract/wire/returns.ts'
import type { Returns, ReturnsForm } from '../../contract/wire/returns.ts'
import type { Route } from '../../contract/route.ts'
import { schemaOf } from './openapi-schemas.ts'
import type { Described } from './openapi-schemas.ts'

/** The members of every usual response. */
const envelope = {
  request_id: f.string('The id of the request, as in the audit log.'),
  lease_id: f.string('Always empty.'),
  renewable: f.bool('Always false.'),
  lease_duration: f.int('Seconds after which to read the secret again; 0: no such hint.'),
  data: f.object('The payload.').orNull(),
  wrap_info: f.object('The wrapping token of the response, if requested.').orNull(),
  warnings: f.list('Hints about the request.').orNull(),
  auth: f.object('A new or renewed token.').orNull(),
}

const auth = {
  client_token: f.string('The token.').secret(),
  accessor: f.string('The accessor of the token; empty for batch tokens.'),
  policies: f.list('All its policies.').orNull(),
  token_policies: f.list('The policies of the token itself.'),
  identity_policies: f.list('The policies of its entity and groups.').orNull(),
  metadata: f.map('Notes about the token.').orNull(),
  lease_duration: f.int('The TTL, seconds.'),
  renewable: f.bool('Whether it can be renewed.'),
  entity_id: f.string('The entity of the token; empty: none.'),
  token_type: f.string('`service` or `batch`.'),
  orphan: f.bool('Whether it has no parent.'),
  mfa_requirement: f.object('The required second factor of a login; there is no token yet.').orNull(),
  num_uses: f.int('The number of uses; 0: without limit.'),
}

/** The schemas that responses of many operations share. */
export const responseSchemas: Described = { Envelope: objectOf(envelope), Auth: objectOf(auth) }

const reference = (name: keyof typeof responseSchemas): Described => ({ $ref: `#/components/schemas/${name}` })

/** The responses of the operations with one verb of a path (a read and a list have the same one). */
export function responsesOf(routes: readonly Route[]): Described {
  const files = routes.flatMap(({ returns }) => (returns?.form === 'file' ? (returns.text ?? []) : []))
  if (files.length > 0) return { '200': { description: 'OK', content: binary(files) } }
  const schemas = routes.flatMap(({ returns }) => (returns ? [schemaOfBody(returns)] : []))
  const texts = routes.flatMap(({ returns }) => returns?.text ?? [])
  const schema = schemas.length > 1 ? { anyOf: schemas } : (schemas[0] ?? reference('Envelope'))
  const content = {
    'application/json': { schema },
    ...Object.fromEntries(texts.map((type) => [type, { schema: { type: 'string' } }])),
  }
  return {
    '200': { description: schemas.length > 0 ? 'OK' : 'Done, with warnings.', content },
    ...(routes.some(mayBeSilent) && { '204': { description: 'Done.' } }),
  }
}

/** Files of these content types. */
export const binary = (types: readonly string[]): Described =>
  Object.fromEntries(types.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]))

const mayBeSilent = ({ returns, operation }: Route): boolean =>
  !returns || operation === 'write' || operation === 'patch' || operation === 'delete'

const bodies: Readonly<Record<ReturnsForm, (members: Fields) => Described>> = {
  envelope: (members) => inEnvelope({ data: objectOf(members) }),
  injected: (members) => {
    const { allOf } = inEnvelope({ data: objectOf(members) })
    return { allOf: [...allOf, objectOf(members)] }
  },
  token: () => inEnvelope({ auth: reference('Auth') }),
  body: objectOf,
  any: () => ({}),
  file: () => ({ type: 'string', format: 'binary' }),
}

const schemaOfBody = ({ form, members }: Returns): Described => bodies[form](members)

function inEnvelope(properties: Described): { readonly allOf: readonly Described[] } {
  return { allOf: [reference('Envelope'), { type: 'object', properties }] }
}

function objectOf(members: Fields): Described {
  const { [otherMembers]: others, ...own } = members
  const properties = Object.fromEntries(
    Object.entries(own).map(([name, field]) => [name, { ...schemaOf(field), description: field.about }]),
  )
  return {
    type: 'object',
    properties,
    ...(others && { additionalProperties: { ...schemaOf(others), description: others.about } }),
  }
}
