import type { Field, Fields } from '../../contract/field.ts'
import type { Route } from '../../contract/route.ts'
import { product } from '../../util/version.ts'
import { binary, responseSchemas, responsesOf } from './openapi-responses.ts'
import { schemaOf } from './openapi-schemas.ts'
import type { Described } from './openapi-schemas.ts'

/** A mount in the description. */
export interface DescribedMount {
  /** `transit/`, or a template such as `{transit_mount_path}/`. */
  readonly prefix: string
  /** The parameters of a template, by name, with their usual values. */
  readonly prefixParameters?: Readonly<Record<string, string>>
  /** The group of the operations. */
  readonly tag: string
  readonly routes: readonly Route[]
}

/** The API as an OpenAPI 3.0 document: generated from the routes, so it cannot be out of date. */
export function openApiDocument(mounts: readonly DescribedMount[]): Described {
  const paths: Record<string, Described> = {}
  for (const mount of mounts)
    for (const routes of grouped(mount.routes.filter(isListed), ({ pattern }) => pattern).values()) {
      const path = `/${mount.prefix}${pathOf(routes[0] as Route)}`
      paths[path] = { ...paths[path], ...pathItem(mount, path, routes) }
    }
  return {
    openapi: '3.0.3',
    info: {
      title: product.name,
      description: "HTTP API, compatible with Vault's. Every path stands under `/v1`.",
      version: product.version,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/v1' }],
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: responseSchemas,
      securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Vault-Token' } },
    },
  }
}

const isListed = ({ unlisted }: Route): boolean => !unlisted

function grouped<K>(routes: readonly Route[], by: (route: Route) => K): ReadonlyMap<K, readonly Route[]> {
  const groups = new Map<K, readonly Route[]>()
  for (const route of routes) groups.set(by(route), [...(groups.get(by(route)) ?? []), route])
  return groups
}

const parameterName = /^[:*](.+)$/

function pathOf({ pattern }: Route): string {
  return pattern
    .split('/')
    .map((part) => part.replace(parameterName, '{$1}'))
    .join('/')
}

const verbs = { read: 'get', list: 'get', scan: 'get', write: 'post', patch: 'patch', delete: 'delete' } as const

function pathItem(mount: DescribedMount, path: string, routes: readonly Route[]): Described {
  // A list is a GET with `list=true`: if a path can be read as well, both are described as one operation.
  const byVerb = grouped(routes, (route) => verbs[route.operation])
  return Object.fromEntries([...byVerb].map(([verb, same]) => [verb, operationOf(mount, path, verb, same)]))
}

function operationOf(mount: DescribedMount, path: string, verb: string, routes: readonly Route[]): Described {
  const [first] = routes as readonly [Route, ...Route[]]
  const fields = Object.assign({}, ...routes.map((route) => route.fields)) as Fields
  const inPath = first.pattern.split('/').flatMap((part) => parameterName.exec(part)?.[1] ?? [])
  const others = Object.entries(fields).filter(([name]) => !inPath.includes(name))
  const inBody = (verb === 'post' || verb === 'patch') && !first.upload
  return {
    operationId: `${verb}${path.replace(/[{}]/g, '').replace(/[^A-Za-z0-9]+/g, '-')}`,
    tags: [mount.tag],
    summary: routes.map(({ about }) => about).join(' '),
    ...(first.access !== 'public' && { security: [{ token: [] }] }),
    ...(first.access === 'sudo' && { 'x-vault-sudo': true }),
    // A write of a new object needs the capability `create`, not `update`.
    ...(first.exists && { 'x-vault-createSupported': true }),
    parameters: [
      ...Object.entries(mount.prefixParameters ?? {}).map(([name, usual]) => prefixParameter(name, usual)),
      ...inPath.map((name) => parameter(name, 'path', fields[name])),
      ...routes.filter(isListing).map((route) => listParameter(route, routes)),
      ...(inBody ? [] : others.map(([name, field]) => parameter(name, 'query', field))),
    ],
    ...(first.upload && { requestBody: { required: true, content: binary(['application/gzip']) } }),
    ...(inBody && (others.length > 0 || first.anyFields) && { requestBody: body(others, first.anyFields) }),
    responses: responsesOf(routes),
  }
}

const isListing = ({ operation }: Route): boolean => operation === 'list' || operation === 'scan'

/** `list=true` or `scan=true`: required, unless the path has a read as well. */
function listParameter({ operation }: Route, routes: readonly Route[]): Described {
  return { name: operation, in: 'query', required: routes.length === 1, schema: { type: 'string', enum: ['true'] } }
}

function prefixParameter(name: string, usual: string): Described {
  const description = 'Where the engine is mounted.'
  return { name, in: 'path', required: true, description, schema: { type: 'string', default: usual } }
}

function parameter(name: string, place: 'path' | 'query', field: Field<unknown> | undefined): Described {
  const description = field?.about ?? ''
  const schema = field && place === 'query' ? schemaOf(field) : { type: 'string' }
  return { name, in: place, description, ...(place === 'path' && { required: true }), schema }
}

function body(fields: readonly (readonly [string, Field<unknown>])[], open: boolean): Described {
  const properties = Object.fromEntries(
    fields.map(([name, field]) => [name, { ...schemaOf(field), description: field.about }]),
  )
  const schema = { type: 'object', properties, ...(open && { additionalProperties: true }) }
  return { content: { 'application/json': { schema } } }
}
