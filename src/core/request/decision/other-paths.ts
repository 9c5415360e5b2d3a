import { Fault } from '../../../contract/fault.ts'
import type { ApiPath } from '../../../contract/request.ts'
import type { Route } from '../../../contract/route.ts'
import type { Acl } from '../../../policy/acl.ts'
import type { AclOperation, AclQuery } from '../../../policy/verdict.ts'
import { destinationOf, innermost } from '../../namespaces/namespace.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import { canonicalOf } from './canonical.ts'

/** The target of a request, as the policies of its caller see it. */
export interface Place {
  readonly route: Pick<Route, 'alias'>
  /** Of the route's mount. */
  readonly mountPath: string
  readonly params: Readonly<Record<string, string>>
  /** See `reachOf`. */
  readonly reach: string
}

/** The first other path of what a request asks for that a policy denies. Undefined when there is none. */
export function deniedElsewhere(
  { route, mountPath, params, reach }: Place,
  acl: Acl,
  query: AclQuery,
): string | undefined {
  if (!route.alias || acl.root) return undefined
  return [route.alias(params, query.data, reach) ?? []]
    .flat()
    .map((alias) => (alias.startsWith('/') ? alias.slice(1) : reach + mountPath + alias))
    .find((path) => acl.evaluate({ ...query, path }).ground === 'denied')
}

/** The route that a path leads to, and how policies see it. */
interface Found {
  readonly route: Route
  readonly builtin: boolean
  /** In canonical form; as it was given when it names nothing that can exist. */
  readonly path: ApiPath
  /** Absent when the path names nothing that can exist. */
  readonly place?: Place
}

/** Where a request leads that is asked about. Paths are as the namespace sees them, and may lead into one below. */
export function whereLeads(from: Namespace, path: ApiPath, operation: AclOperation): Found | undefined {
  const namespace = innermost(from, path)
  const reach = from.pathIn(namespace, '')
  const found = destinationOf(from, path, operation === 'list' || operation === 'scan')
  if (!found?.match || operation === 'help') return undefined
  const route = found.match.offers[operation === 'create' || operation === 'update' ? 'write' : operation]
  if (!route) return undefined
  const { apiPath: mountPath, record } = found.mount
  const canonical = canonicalOf(route, mountPath, path.slice(reach.length) as ApiPath, found.match.params)
  if (canonical instanceof Fault) return { route, builtin: record.builtin, path }
  const place = { route, mountPath, params: canonical.params, reach }
  return { route, builtin: record.builtin, path: (reach + canonical.path) as ApiPath, place }
}
