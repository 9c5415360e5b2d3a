import type { FormedResponse } from '../../contract/response.ts'
import type { Route } from '../../contract/route.ts'
import type { Decision } from './decision/decision.ts'

/** The response to `?help=1` and `path-help`: generated from the route objects, so it cannot be out of date. */
export function help(decision: Decision): FormedResponse {
  const mount = decision.mount
  if (!mount) return { status: 404, plain: { errors: [] } }
  const inside = decision.request.path.slice(mount.apiPath.length).replace(/\/$/, '')
  const offers = inside === '' ? [] : Object.values(mount.trie.find(inside)?.offers ?? {}).filter(isListed)
  const here = offers.length > 0 ? offers : mount.engine.routes.filter(isListed)
  const missing = offers.length > 0 || inside === '' ? '' : `There is no path ${decision.request.path}. These are:\n\n`
  const lines = here.map(
    (route) =>
      `${route.operation.padEnd(6)} ${mount.apiPath}${route.pattern}\n       ${route.about}${fieldLines(route.fields)}`,
  )
  return { plain: { help: `${mount.engine.about}\n\n${missing}${lines.join('\n\n')}\n`, see_also: [], openapi: null } }
}

const isListed = ({ unlisted }: Pick<Route, 'unlisted'>): boolean => !unlisted

function fieldLines(fields: Readonly<Record<string, { readonly kind: string; readonly about: string }>>): string {
  return Object.entries(fields)
    .map(([name, field]) => `\n         ${name} (${field.kind}): ${field.about}`)
    .join('')
}
