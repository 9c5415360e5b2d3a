import { asFault } from '../../../contract/fault.ts'
import type { Fault } from '../../../contract/fault.ts'
import type { ApiPath } from '../../../contract/request.ts'
import type { Route } from '../../../contract/route.ts'

type Params = Readonly<Record<string, string>>

/** The target of a request, under the one name for policy, audit log and handler. */
interface Canonical {
  readonly path: ApiPath
  readonly params: Params
}

/**
 * The canonical form of a path with a route. Only lists are of folders: for other operations, a trailing slash that the
 * route does not have is dropped. A Fault if a name in it is invalid.
 */
export function canonicalOf(route: Route, mountPath: string, path: ApiPath, params: Params): Canonical | Fault {
  const folder = path.endsWith('/') && route.operation !== 'list' && route.operation !== 'scan'
  if (!route.canonical && !folder) return { path, params }
  try {
    const named = { ...params }
    for (const [name, clean] of Object.entries(route.canonical ?? {})) named[name] = clean(params[name] ?? '')
    const rest = filled(route.pattern, named)
    return { path: (mountPath + rest) as ApiPath, params: named }
  } catch (thrown) {
    return asFault(thrown)
  }
}

/** A pattern with its parameters in place. */
function filled(pattern: string, params: Params): string {
  return pattern
    .split('/')
    .map((segment) => (/^[:*]/.test(segment) ? (params[segment.slice(1)] ?? '') : segment))
    .join('/')
}
