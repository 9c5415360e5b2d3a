import type { Route } from '../../contract/route.ts'
import type { Acl, AclQuery } from '../../policy/acl.ts'

/** What a request leads to, as the policies of its caller see it. */
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
    .find((path) => acl.weigh({ ...query, path }).ground === 'denied')
}
